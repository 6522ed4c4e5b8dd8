from pathlib import Path

import torch

from ilora.artifacts.tensors import write_tensors
from ilora.plotting.backbone_size import Backbone, backbone_parameters


def test_parameters_are_counted_for_each_backbone(tmp_path: Path) -> None:
    path = tmp_path / "movielens" / "random_users" / "embedded" / "model.safetensors"
    write_tensors({"weight": torch.zeros(3, 4), "bias": torch.zeros(4)}, path)
    assert backbone_parameters([path]) == {Backbone("movielens", "random_users", "embedded"): 16}
    assert backbone_parameters([]) == {}

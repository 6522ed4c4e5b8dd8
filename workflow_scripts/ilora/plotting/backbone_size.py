"""Sizes of the backbones that the pipeline pretrains itself."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from pathlib import Path

from safetensors import SafetensorError, safe_open

from ilora.artifacts.errors import damaged
from ilora.artifacts.records import check_file


@dataclass(frozen=True)
class Backbone:
    """A language model pretrained for one data set and protocol.

    Attributes:
        dataset: for example "movielens".
        protocol: for example "random_users".
        name: id in artifact paths, for example "embedded".
    """

    dataset: str
    protocol: str
    name: str


def backbone_parameters(weights: Iterable[str | os.PathLike[str]]) -> dict[Backbone, int]:
    """Return the number of parameters of each backbone; tied parameters count once.

    Args:
        weights: paths of the form .../DATASET/PROTOCOL/BACKBONE/model.safetensors.

    Raises:
        ArtifactError: if a file is damaged.
    """
    return {Backbone(*Path(path).parts[-4:-1]): _count_parameters(path) for path in weights}


def _count_parameters(path: str | os.PathLike[str]) -> int:
    check_file(path)
    try:
        with safe_open(path, framework="numpy") as file:
            return sum(prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118 (no mapping)
    except SafetensorError as error:
        raise damaged(Path(path), f"is not a whole safetensors file ({error})") from error

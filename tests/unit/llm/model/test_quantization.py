"""QLoRA and LLM.int8() on the CPU: a job with a quantized backbone, and its adapter from disk."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from ilora.backbone.architecture import BackboneShape, build_backbone
from ilora.configuration.sections.backbone import BackboneSource
from ilora.configuration.tuning import MethodKind
from ilora.llm.model.adapter import load_adapter
from ilora.llm.model.backbones import load_causal_model
from ilora.llm.model.collation import Collator
from ilora.llm.training.tuning_job import TuningJob, prepare_tuning, run_tuning
from small_tuning import with_values


@pytest.mark.parametrize(
    ("adapter", "quantization"),
    [
        ("instance_wise", "nf4"),
        pytest.param("instance_wise", "int8", marks=pytest.mark.slow),
        pytest.param("uniform", "int8", marks=pytest.mark.slow),
        pytest.param("uniform", "nf4", marks=pytest.mark.slow),
    ],
)
def test_a_quantized_backbone_is_tuned_and_its_adapter_comes_back(
    job: TuningJob, tokenizer: PreTrainedTokenizerFast, tmp_path: Path, quantization: str, adapter: Any
) -> None:
    # On the CPU, bitsandbytes requires widths divisible by its block size.
    shape = BackboneShape(hidden_size=64, layers=2, heads=2, intermediate_size=128)
    torch.manual_seed(0)
    build_backbone(shape, tokenizer).save_pretrained(tmp_path / "backbone")
    tokenizer.save_pretrained(tmp_path / "backbone")
    backbone = BackboneSource.read({"name": str(tmp_path / "backbone"), "quantization": quantization})
    update = {"backbone": backbone, "kind": MethodKind(prompt="hybrid", adapter=adapter)}
    values = {"steps": 30, "snapshots": [], "gradient_checkpointing": True, "learning_rate": 0.05}
    settings = with_values(job.settings.model_copy(update=update), **values)
    job = replace(job, settings=settings)
    model, examples = prepare_tuning(job)
    layer = next(module for name, module in model.named_modules() if name.endswith("q_proj.base_layer"))
    assert type(layer).__name__ == {"nf4": "Linear4bit", "int8": "Linear8bitLt"}[quantization]
    batch = Collator(examples.padding_token_id)([examples[position] for position in range(4)])
    with torch.no_grad():
        untuned = model.eval()(**batch)["loss"]

    run_tuning(job)
    vectors = model.item_vectors
    loaded = load_adapter(load_causal_model(settings.backbone), vectors, settings.shape, job.adapter)
    again = load_adapter(load_causal_model(settings.backbone), vectors, settings.shape, job.adapter)
    with torch.no_grad():
        tuned = loaded(**batch)["loss"]
        assert torch.equal(again(**batch)["loss"], tuned)
    assert tuned < untuned - 0.1

"""Models with a task head, which PEFT trains and saves with the adapter."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel, get_peft_model
from transformers import (
    BertConfig,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    PreTrainedModel,
)

from ilora.adapters import InstanceWiseLoraConfig
from tiny_models import config, randomise, representations

TASKS: list[tuple[str, type[PreTrainedModel], str]] = [
    ("SEQ_CLS", BertForSequenceClassification, "classifier"),
    ("TOKEN_CLS", BertForTokenClassification, "classifier"),
    ("QUESTION_ANS", BertForQuestionAnswering, "qa_outputs"),
]


def base_model(architecture: type[PreTrainedModel]) -> PreTrainedModel:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1}
    return architecture(BertConfig(vocab_size=40, num_attention_heads=2, initializer_range=0.2, **sizes))


@pytest.mark.parametrize(("task", "architecture", "head"), TASKS)
@torch.no_grad()
def test_the_head_is_trained_and_saved(
    task: str, architecture: type[PreTrainedModel], head: str, tmp_path: Path
) -> None:
    settings = InstanceWiseLoraConfig(r=8, target_modules=["query"], task_type=task, instance_wise=config(4))
    model = get_peft_model(base_model(architecture), settings)
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert any(f"{head}.modules_to_save.default" in name for name in trained)
    randomise(model)
    for name, parameter in model.named_parameters():
        if "modules_to_save" in name:
            parameter.normal_()
    inputs = {"input_ids": torch.tensor([[3, 4, 5], [6, 7, 8]]), "sequence_representations": representations(2)}
    model.eval().save_pretrained(str(tmp_path))
    loaded = PeftModel.from_pretrained(base_model(architecture), str(tmp_path)).eval()
    for found, expected in zip(loaded(**inputs).to_tuple(), model(**inputs).to_tuple(), strict=True):
        assert torch.equal(found, expected)

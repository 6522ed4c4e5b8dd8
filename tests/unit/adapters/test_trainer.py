"""transformers' Trainer."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors.torch import load_file
from torch.utils.data import Dataset
from transformers import Trainer, TrainingArguments

from ilora.adapters import InstanceWiseLoraConfig
from tiny_models import config, padded, random_sequences, representations, tiny_model

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")


class Prompts(Dataset[dict[str, torch.Tensor]]):
    """Eight prompts of different lengths, padded on the left."""

    def __init__(self) -> None:
        batch = padded(random_sequences([5, 3, 4, 5, 2, 5, 3, 4]), "left")
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        columns = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"], "labels": labels}
        self.columns = columns | {"sequence_representations": representations(8)}

    def __len__(self) -> int:
        return 8

    def __getitem__(self, row: int) -> dict[str, torch.Tensor]:
        return {name: column[row] for name, column in self.columns.items()}


def fresh(tied: bool, dropout: float = 0.1, **gate: Any) -> PeftModel:
    base = tiny_model(tie_word_embeddings=tied)
    torch.manual_seed(1)
    settings = InstanceWiseLoraConfig(
        r=8, target_modules=["q_proj", "down_proj"], lora_dropout=dropout, instance_wise=config(4, **gate)
    )
    return get_peft_model(base, settings)


def trainer(model: PeftModel, folder: Path, **options: Any) -> Trainer:
    given: dict[str, Any] = {"per_device_train_batch_size": 2, "max_steps": 4, "save_steps": 2, "learning_rate": 0.01}
    given |= options
    fixed: dict[str, Any] = {"report_to": [], "use_cpu": True, "disable_tqdm": True, "seed": 3}
    arguments = TrainingArguments(str(folder), remove_unused_columns=False, **fixed, **given)
    return Trainer(model, arguments, train_dataset=Prompts(), eval_dataset=Prompts())


def weights(model: PeftModel) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.named_parameters() if tensor.requires_grad}


ALL_THREE: dict[str, Any] = {"bf16": True, "gradient_checkpointing": True, "gradient_accumulation_steps": 2}


@pytest.mark.parametrize(
    ("options", "tied"),
    [
        pytest.param({}, False, id="plain"),
        pytest.param(ALL_THREE, True, id="all three, tied"),
        # The options of the two cases above, one at a time.
        pytest.param({}, True, id="tied", marks=pytest.mark.slow),
        pytest.param(ALL_THREE, False, id="all three", marks=pytest.mark.slow),
        *(pytest.param({name: value}, False, id=name, marks=pytest.mark.slow) for name, value in ALL_THREE.items()),
    ],
)
def test_training_goes_on_from_a_checkpoint_bit_for_bit(tied: bool, options: dict[str, Any], tmp_path: Path) -> None:
    whole = fresh(tied)
    start = weights(whole)
    trainer(whole, tmp_path, **options).train()
    saved = {path.name for path in (tmp_path / "checkpoint-2").iterdir()}
    assert {"adapter_model.safetensors", "adapter_config.json"} <= saved
    assert "model.safetensors" not in saved
    resumed = fresh(tied)
    trainer(resumed, tmp_path, **options).train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    found = weights(resumed)
    assert len(found) == 2 * 2 * 2 + 1
    for name, expected in weights(whole).items():
        assert torch.equal(found[name], expected)
        assert not torch.equal(start[name], expected)


@pytest.mark.slow
def test_statistics_of_a_gate_are_in_the_checkpoint_too(tmp_path: Path) -> None:
    whole = fresh(False, gate="residual_convolution")
    whole.gate.standardisation.fit(representations(8))
    trainer(whole, tmp_path).train()
    resumed = fresh(False, gate="residual_convolution")
    trainer(resumed, tmp_path).train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    expected = whole.gate.state_dict()
    assert any("running_mean" in name for name in expected)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in resumed.gate.state_dict().items())


@pytest.mark.slow
def test_checkpointing_changes_no_step(tmp_path: Path) -> None:
    plain, checkpointed = fresh(False), fresh(False)
    trainer(plain, tmp_path / "plain").train()
    trainer(checkpointed, tmp_path / "checkpointed", gradient_checkpointing=True).train()
    found = weights(checkpointed)
    assert all(torch.equal(found[name], expected) for name, expected in weights(plain).items())


@pytest.mark.slow
def test_accumulation_changes_steps_by_rounding_alone(tmp_path: Path) -> None:
    """The loss is a mean over all tokens of a batch, and its rows have different numbers of tokens."""
    at_once, in_parts = fresh(False, dropout=0.0), fresh(False, dropout=0.0)
    trainer(at_once, tmp_path / "once", per_device_train_batch_size=4).train()
    options = {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 4}
    trainer(in_parts, tmp_path / "parts", **options).train()
    found = weights(in_parts)
    for name, expected in weights(at_once).items():
        torch.testing.assert_close(found[name], expected, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_the_best_checkpoint_is_evaluated_with_representations_and_loaded(tmp_path: Path) -> None:
    model = fresh(False)
    options = {"eval_strategy": "steps", "eval_steps": 2, "load_best_model_at_end": True, "learning_rate": 0.5}
    running = trainer(model, tmp_path, **options)
    running.train()
    best = str(running.state.best_model_checkpoint)
    found, saved = get_peft_model_state_dict(model), load_file(f"{best}/adapter_model.safetensors")
    assert all(torch.equal(saved[name], tensor) for name, tensor in found.items())
    assert running.evaluate()["eval_loss"] == pytest.approx(running.state.best_metric)


def test_columns_that_the_trainer_drops_are_missed_by_name(tmp_path: Path) -> None:
    model = fresh(False)
    running = trainer(model, tmp_path)
    running.args.remove_unused_columns = True
    with pytest.raises(ValueError, match=r"found None, .*set remove_unused_columns=False"):
        running.train()

"""A fine-tuning that was killed and resumed, against an uninterrupted one, tensor by tensor."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlamaForCausalLM
from transformers.trainer_pt_utils import safe_globals

from ilora.artifacts.errors import ArtifactError
from ilora.artifacts.provenance import sha256_of
from ilora.data.sequences import SequenceTable
from ilora.llm.model.adapter import attach_adapter
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.model.projector import Projector
from ilora.llm.prompts.builder import PromptBuilder
from ilora.llm.training.checkpoints import Checkpointing, latest_checkpoint, training_key, tuned_state
from ilora.llm.training.fine_tuning import FineTuningExamples, fine_tune
from ilora.llm.training.loop import LogRow
from small_tuning import SMALL_TUNING, small_adapter, with_values

STEPS = 12
SETTINGS = with_values(
    SMALL_TUNING.model_copy(update={"seed": 3}),
    steps=STEPS,
    batch_size=4,
    gradient_accumulation=2,
    warmup_fraction=0.25,
    projector_learning_rate=0.02,
    gate_learning_rate=0.03,
    curriculum=True,
    snapshots=(3, 9),
)
# With dropout, so that the random state matters, and with running statistics in addition to weights.
SHAPE = small_adapter(lora_dropout=0.3, gate="residual_convolution")


class Killed(Exception):
    """Simulates a killed process."""


Run = Callable[..., tuple[HybridLanguageModel, list[LogRow], list[int]]]


@pytest.fixture
def run(llama: LlamaForCausalLM, sequences: SequenceTable, builder: PromptBuilder) -> Run:
    base = {name: tensor.clone() for name, tensor in llama.state_dict().items()}
    representations = np.random.default_rng(0).standard_normal((4, 4)).astype(np.float32)

    def run(folder: Path, killed_at: int | None = None) -> tuple[HybridLanguageModel, list[LogRow], list[int]]:
        fresh = LlamaForCausalLM(llama.config).requires_grad_(False)
        fresh.load_state_dict(base)
        torch.manual_seed(5)
        model = attach_adapter(fresh, Projector(4, 32), torch.randn(8, 4), SHAPE, 4, seed=3)
        snapshots = SETTINGS.finetuning.snapshots
        settings = SETTINGS if killed_at is None else with_values(SETTINGS, snapshots=(*snapshots, killed_at))
        examples = FineTuningExamples(sequences, builder, representations, settings)
        taken: list[int] = []

        def take_snapshot(step: int) -> None:
            taken.append(step)
            if step == killed_at:
                raise Killed

        log = fine_tune(model, examples, take_snapshot, Checkpointing(folder, 2))
        return model, log, taken

    return run


def equal(left: Any, right: Any) -> bool:
    """Compare nested states exactly."""
    if isinstance(left, torch.Tensor):
        return torch.equal(left, right)
    if isinstance(left, np.ndarray):
        return bool(np.array_equal(left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(equal(*pair) for pair in zip(left, right, strict=True))
    return bool(left == right)


def state(folder: Path, name: str) -> Any:
    checkpoint = latest_checkpoint(folder)
    assert checkpoint is not None and checkpoint.name == f"checkpoint-{STEPS}"
    with safe_globals():  # NumPy arrays of its random state
        return torch.load(checkpoint / name, weights_only=True)


@pytest.mark.slow
def test_killed_and_resumed_equals_undisturbed(run: Run, tmp_path: Path) -> None:
    undisturbed, log, snapshots = run(tmp_path / "whole")
    expected = tuned_state(undisturbed)
    for part in ("lora_A", "lora_B", "gates.default.projection", "running_mean", "standardisation", "projector."):
        assert any(part in name for name in expected)
    assert not any("base_layer" in name or "embed_tokens" in name for name in expected)
    moments = state(tmp_path / "whole", "optimizer.pt")["state"]
    assert len(moments) == sum(parameter.requires_grad for parameter in undisturbed.parameters())
    assert snapshots == [3, 9] and len(log) == STEPS // 2

    # Between two checkpoints, and while one is written.
    for killed_at in (5, 8):
        folder = tmp_path / f"killed_at_{killed_at}"
        with pytest.raises(Killed):
            run(folder, killed_at)
        resumed, log_again, snapshots_again = run(folder)
        assert snapshots_again == [9] and log_again == log
        found = tuned_state(resumed)
        assert expected.keys() == found.keys()
        for name, tensor in expected.items():
            assert torch.equal(tensor, found[name]), name
        for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
            assert equal(state(tmp_path / "whole", name), state(folder, name)), name


def test_a_half_written_checkpoint_is_passed_over(run: Run, tmp_path: Path) -> None:
    run(tmp_path)
    newest = latest_checkpoint(tmp_path)
    assert newest is not None and newest.name == "checkpoint-12"
    (newest / "complete").unlink()
    before = latest_checkpoint(tmp_path)
    assert before is not None and before.name == "checkpoint-10"


@pytest.mark.slow
def test_a_damaged_checkpoint_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(tmp_path, killed_at=5)
    newest = latest_checkpoint(tmp_path)
    assert newest is not None
    for name in ("tuned.safetensors", "optimizer.pt", "trainer_state.json"):
        file = newest / name
        whole = file.read_bytes()
        damaged = bytearray(whole)
        damaged[-3] ^= 1
        file.write_bytes(damaged)
        expected = rf"{name}: found sha256 .*Delete the folder .*/{newest.name} and run the workflow again"
        with pytest.raises(ArtifactError, match=expected):
            run(tmp_path)
        file.write_bytes(whole)


def test_the_key_changes_with_settings_and_inputs(tmp_path: Path) -> None:
    file = tmp_path / "input"
    file.write_bytes(b"1")
    first = training_key({"steps": 1}, [sha256_of(file)])
    assert training_key({"steps": 1}, [sha256_of(file)]) == first
    assert training_key({"steps": 2}, [sha256_of(file)]) != first
    file.write_bytes(b"2")
    assert training_key({"steps": 1}, [sha256_of(file)]) != first

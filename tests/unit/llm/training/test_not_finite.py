"""A fine-tuning stops at the first number that is not finite, and leaves no checkpoint of it."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ilora.endings import Ending, ending_of
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.training.checkpoints import Checkpointing, latest_checkpoint
from ilora.llm.training.fine_tuning import fine_tune
from ilora.llm.training.tuning_job import TuningJob, prepare_tuning
from small_tuning import with_finetuning

#: The step, of 12, that breaks; rows of the log and checkpoints are every two steps.
BREAKS_AT = 7


def break_loss(model: HybridLanguageModel) -> None:
    calls = 0

    def infinite(module: torch.nn.Module, read: object, output: dict[str, Any]) -> None:
        nonlocal calls
        calls += 1
        if calls == BREAKS_AT:
            output["loss"] = output["loss"] + math.inf

    model.register_forward_hook(infinite)


def break_gradient(model: HybridLanguageModel) -> None:
    calls = 0

    def infinite(gradient: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return gradient * math.nan if calls == BREAKS_AT + 1 else gradient  # at the row's last step

    next(parameter for parameter in model.parameters() if parameter.requires_grad).register_hook(infinite)


@pytest.mark.parametrize(
    ("damage", "found"), [(break_loss, "the loss is inf"), (break_gradient, "the norm of the gradients is nan")]
)
def test_the_first_row_that_is_not_finite_ends_it(
    job: TuningJob, tmp_path: Path, damage: Callable[[HybridLanguageModel], None], found: str
) -> None:
    model, examples = prepare_tuning(job)
    damage(model)
    with pytest.raises(FloatingPointError, match=f"{found} at step 8, .*lower the learning rate") as error:
        fine_tune(model, examples, lambda step: None, Checkpointing(tmp_path, 2))
    newest = latest_checkpoint(tmp_path)
    assert newest is not None and newest.name == "checkpoint-6"
    assert ending_of(error.value) == Ending.REPEATS


def test_a_state_that_is_not_finite_is_not_kept(job: TuningJob, tmp_path: Path) -> None:
    """After the last step, only the state itself reveals it."""
    model, examples = prepare_tuning(with_finetuning(job, "short", steps=9, snapshots=[9]))

    def spoil(step: int) -> None:
        next(parameter for parameter in model.parameters() if parameter.requires_grad).data.fill_(math.nan)

    with pytest.raises(FloatingPointError, match="holds NaN or infinity at step 9"):
        fine_tune(model, examples, spoil, Checkpointing(tmp_path, 2))
    newest = latest_checkpoint(tmp_path)
    assert newest is not None and newest.name == "checkpoint-8"

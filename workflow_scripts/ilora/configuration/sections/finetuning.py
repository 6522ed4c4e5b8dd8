"""`finetuning`: LoRA, its gate, and how they are trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field, JsonValue

from ilora.configuration.problems import Problem, repeated
from ilora.configuration.sections.finetuning_values import FinetuningValues
from ilora.configuration.types import DatasetName
from ilora.methods.register import LANGUAGE_MODEL_METHODS, TUNED_METHODS

if TYPE_CHECKING:
    # The register defines the ids, which a type checker cannot know.
    TunedMethod = str
else:
    TunedMethod = Literal[TUNED_METHODS]


class FinetuningSection(FinetuningValues):
    """Fine-tuning of TALLRec and LLaRA (uniform LoRA) and iLoRA (instance-wise LoRA)."""

    preset: Literal["paper", "released"] | None = Field(
        None,
        description="replaces the values below, for each data set, by those of the paper or of its released code; null "
        "to keep them",
    )
    per_dataset: dict[DatasetName, dict[str, JsonValue]] = Field(
        default={},
        description="values for one data set, such as {steam: {r: 16}}; they override the preset and the values below",
    )
    per_method: dict[TunedMethod, dict[str, JsonValue]] = Field(
        default={name: dict(method.finetuning) for name, method in LANGUAGE_MODEL_METHODS.items() if method.finetuning},
        description="values for one method; they override all others. TALLRec's are those of its own paper",
    )


def finetuning_problems(values: FinetuningValues, method: str | None, path: Callable[[str], str]) -> Iterator[Problem]:
    """Yield the inconsistencies in the fine-tuning settings of one data set.

    Args:
        values: the settings.
        method: the method they apply to; None if any method may read them.
        path: returns the path of a key, for messages.
    """
    if method is None or LANGUAGE_MODEL_METHODS[method].is_gated:
        yield from _gate_problems(values, path)
    if values.batch_size % values.gradient_accumulation:
        yield Problem(
            path("gradient_accumulation"),
            str(values.gradient_accumulation),
            f"a divisor of finetuning.batch_size ({values.batch_size})",
        )
    if (values.steps is None) == (values.epochs is None):
        both = "steps and epochs" if values.steps is not None else "neither steps nor epochs"
        yield Problem(path("steps"), both, "one of them, the other null")
    if values.patience is not None and values.validation_every is None:
        yield Problem(path("patience"), str(values.patience), "null, or a number in finetuning.validation_every")
    if values.patience is not None and values.snapshots:
        expected = "[]: with finetuning.patience set, training may stop before them"
        yield Problem(path("snapshots"), str(list(values.snapshots)), expected)
    if values.patience is not None and values.best_epoch:
        yield Problem(path("best_epoch"), "true", "false: finetuning.patience selects the state by its validation loss")
    yield from repeated(path("target_modules"), values.target_modules)
    yield from repeated(path("snapshots"), values.snapshots)
    if values.snapshots != tuple(sorted(values.snapshots)):
        yield Problem(path("snapshots"), str(list(values.snapshots)), "steps in ascending order")
    if values.steps is not None and any(step > values.steps for step in values.snapshots):
        late = [step for step in values.snapshots if step > values.steps]
        yield Problem(path("snapshots"), str(late), f"steps up to finetuning.steps ({values.steps})")


def _gate_problems(values: FinetuningValues, path: Callable[[str], str]) -> Iterator[Problem]:
    if values.r % values.experts:
        yield Problem(
            path("r"),
            str(values.r),
            f"a multiple of finetuning.experts ({values.experts}): each expert has rank r/experts",
        )
    if values.gate == "top_k" and not 1 <= (values.active_experts or 0) <= values.experts:
        yield Problem(
            path("active_experts"),
            str(values.active_experts),
            f"1 to finetuning.experts ({values.experts}): the gate is top_k",
        )
    if values.gate != "top_k" and values.active_experts is not None:
        yield Problem(path("active_experts"), str(values.active_experts), f"null: the gate is {values.gate}")

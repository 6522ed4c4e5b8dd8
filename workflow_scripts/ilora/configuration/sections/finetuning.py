"""`finetuning`: LoRA, its gate, and how they are trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, JsonValue

from ilora.configuration.problems import Problem, repeated
from ilora.configuration.section import Section
from ilora.configuration.types import Count, DatasetName, Probability, Rate
from ilora.methods.register import LANGUAGE_MODEL_METHODS, TUNED_METHODS

if TYPE_CHECKING:
    # The register says which ids there are; a type checker cannot.
    TunedMethod = str
else:
    TunedMethod = Literal[TUNED_METHODS]


@dataclass(frozen=True)
class ReadBy:
    """Marks an option that is read with a gate, or with hybrid prompts, only: to other methods it makes no variant."""

    methods: Literal["gated", "hybrid"]


GATED, HYBRID = ReadBy("gated"), ReadBy("hybrid")


class FinetuningValues(Section):
    """Everything that fine-tuning takes, for one data set."""

    RENAMED: ClassVar[Mapping[str, str]] = {
        "rank": "r",
        "alpha": "lora_alpha",
        "dropout": "lora_dropout",
        "guidance": "gate_input",
    }

    r: Count = Field(8, description="rank of LoRA, shared out among the experts")
    lora_alpha: Annotated[float, Field(gt=0)] = Field(32.0, description="LoRA's alpha: its update is scaled by alpha/r")
    lora_dropout: Probability = Field(0.0, description="on the input of LoRA")
    target_modules: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)] = Field(
        ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
        description="linear layers that LoRA adapts",
    )
    experts: Annotated[Count, GATED] = Field(4, description="experts K of iLoRA, each of rank r/K")
    gate: Annotated[Literal["linear", "residual_convolution", "top_k"], GATED] = Field(
        "linear",
        description="network from what the gate reads to the experts' weights: the paper's, the released code's, or "
        "a linear one that leaves all but the largest active_experts weights at zero",
    )
    active_experts: Annotated[Count | None, GATED] = Field(
        None, description="experts that a sequence uses, of gate top_k; else null"
    )
    gate_input: Annotated[
        Literal["sequence_representation", "random_initialized", "token_collapsed", "shuffled", "constant"], GATED
    ] = Field(
        "sequence_representation",
        description="what the gate reads: the recommender's representation of the sequence (the paper); for "
        "comparison, a random vector for each sequence, the mean embedding of the prompt's tokens, another "
        "sequence's representation, or nothing (one gate for everyone)",
    )
    scale: Annotated[Literal["per_rank", "per_expert_rank"], GATED] = Field(
        "per_expert_rank",
        description="of iLoRA's update: alpha/r (the paper's Eq. 3), or alpha/(r/K) (the released code's), "
        "with which a uniform gate equals plain LoRA",
    )
    item_vectors: Annotated[Literal["raw", "decorrelated"], HYBRID] = Field(
        "decorrelated",
        description="what the projector reads: the recommender's item embeddings as they are (the paper), or "
        "decorrelated and of one size, as the embedded backbone was taught to read them",
    )
    learning_rate: Rate = Field(0.002, description="peak learning rate of LoRA's weights")
    projector_learning_rate: Annotated[Rate | None, HYBRID] = Field(
        None, description="peak learning rate of the projector; null for that of LoRA"
    )
    gate_learning_rate: Annotated[Rate | None, GATED] = Field(
        0.002, description="peak learning rate of the gate; null for that of LoRA"
    )
    batch_size: Count = Field(16, description="sequences in an optimizer step")
    gradient_accumulation: Count = Field(
        1, description="parts that a batch is computed in, to save memory; the step stays the same"
    )
    gradient_checkpointing: bool = Field(
        False,
        description="compute activations again in the backward pass instead of keeping them: less memory, more time",
    )
    length_grouped: bool = Field(
        False, description="batches of prompts of about the same length, at random, which saves padding"
    )
    steps: Count | None = Field(2800, description="optimizer steps; null when epochs says it")
    epochs: Annotated[float, Field(gt=0)] | None = Field(
        None, description="passes over the training sequences; null when steps says it"
    )
    warmup_fraction: Annotated[float, Field(ge=0, le=1)] = Field(
        0.05, description="of the steps, until the peak learning rate; cosine after it"
    )
    curriculum: Annotated[bool, HYBRID] = Field(
        False, description="begin with text-only batches, fewer and fewer of them (LLaRA's curriculum)"
    )
    validation_every: Count | None = Field(
        None,
        description="optimizer steps between measurements of the loss over the validation split; null for none",
    )
    patience: Count | None = Field(
        None,
        description="measurements without a lower loss after which training stops and the state with the lowest is "
        "taken; null to train to the last step",
    )
    log_every: Count = Field(
        10, description="optimizer steps in a row of the training log; a training pauses at the end of a row only"
    )
    checkpoint_every: Count = Field(
        500, description="optimizer steps between the states that a killed training goes on from"
    )
    snapshots: tuple[Count, ...] = Field(
        (100, 300, 1000, 2000), description="optimizer steps after which the adapter is kept, besides the last"
    )


class FinetuningSection(FinetuningValues):
    """Fine-tuning of TALLRec and LLaRA (uniform LoRA) and iLoRA (instance-wise LoRA)."""

    preset: Literal["paper", "released"] | None = Field(
        None,
        description="replaces the values below by those of the paper or of its released code, for each data "
        "set; null for the values below",
    )
    per_dataset: dict[DatasetName, dict[str, JsonValue]] = Field(
        default={},
        description="values for one data set, such as {steam: {r: 16}}; they win over the preset and over "
        "the values below",
    )
    per_method: dict[TunedMethod, dict[str, JsonValue]] = Field(
        default={name: dict(method.finetuning) for name, method in LANGUAGE_MODEL_METHODS.items() if method.finetuning},
        description="values for one method; they win over all others. TALLRec's are those of its own paper",
    )


def finetuning_problems(values: FinetuningValues, method: str | None, path: Callable[[str], str]) -> Iterator[Problem]:
    """Yield what does not fit together in the fine-tuning settings of one data set.

    Args:
        values: the settings.
        method: whose they are; None if any method may read them.
        path: gives the path of a key, for messages.
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
        yield Problem(path("patience"), str(values.patience), "null, or finetuning.validation_every to be a number")
    if values.patience is not None and values.snapshots:
        expected = "[]: with finetuning.patience, training may stop before them"
        yield Problem(path("snapshots"), str(list(values.snapshots)), expected)
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

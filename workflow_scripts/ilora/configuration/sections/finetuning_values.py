"""The values of fine-tuning: what a job that tunes or answers reads, and nothing that names a method.

So that a method can be added without tuning the others again, nothing here imports the register.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ilora.configuration.section import Section
from ilora.configuration.types import Count, Probability, Rate


@dataclass(frozen=True)
class ReadBy:
    """Marks an option that is read with a gate, or with hybrid prompts, only: to other methods it makes no variant."""

    methods: Literal["gated", "hybrid"]


GATED, HYBRID = ReadBy("gated"), ReadBy("hybrid")


class AdapterValues(Section):
    """The shape of an adapter."""

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


class FinetuningValues(AdapterValues):
    """Everything that fine-tuning takes, for one data set."""

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
    learning_rate_floor: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="of the peak, where the warm-up begins and the cosine ends (the released code: 0.01)"
    )
    adam_beta2: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.98, description="Adam's decay of the mean squared gradient (the released code: 0.999)"
    )
    l2: Annotated[float, Field(ge=0), HYBRID] = Field(
        0.0,
        description="of projector and gate, added to their gradients as torch's Adam does (the released code: 1e-5)",
    )
    maximum_gradient_norm: Annotated[float, Field(gt=0)] | None = Field(
        1.0, description="to which a larger gradient is scaled down; null for no limit (the released code)"
    )
    projector_start: Annotated[Literal["pretrained", "scaled", "unscaled"], HYBRID] = Field(
        "pretrained",
        description="what the projector begins as: the embedded backbone's own (other backbones have none: as scaled), "
        "or random, its outputs scaled to the norm of a word's embedding, or as PyTorch draws it (the released code)",
    )
    prompt_texts: Literal["lists", "sentences"] = Field(
        "lists",
        description="one prompt, an item a line, as the section prompt says; or one of three at random, running text "
        'with lists joined by ", " (as in the released code, in words of our own)',
    )
    curriculum: Annotated[bool, HYBRID] = Field(
        False, description="begin with text-only batches, fewer and fewer of them (LLaRA's curriculum)"
    )
    curriculum_counter: Annotated[Literal["training", "epoch"], HYBRID] = Field(
        "training",
        description="what the curriculum counts its batches over: the training, so that half of all batches have "
        "behaviour tokens, or each epoch anew, as the released code's data loaders do: with 5 epochs a tenth",
    )
    sequences_per_draw: Count | None = Field(
        None,
        description="sequences in a row that share what the curriculum and prompt_texts draw; null for batch_size (the "
        "released code: 8, the part of a batch that it computes at once)",
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
    best_epoch: bool = Field(
        False,
        description="take the state after the epoch with the highest HitRatio@1 on the validation split, the earliest "
        "of several (the released code), not the last",
    )
    maximum_new_tokens: Count | None = Field(
        None, description="tokens of a tuned method's answer; null for decoding.maximum_new_tokens"
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

    def total_steps(self, training_sequences: int) -> int:
        """Return the optimizer steps that are named, or that the epochs over so many sequences amount to."""
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None  # one of them is named
        return math.ceil(self.epochs * training_sequences / self.batch_size)

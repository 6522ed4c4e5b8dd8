"""The fine-tuning values that jobs read to tune or to answer, independent of the methods.

Nothing here imports the register, so that adding a method does not tune the others again.
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
    """Mark of an option that only methods with a gate, or with hybrid prompts, read; it makes no variant of others."""

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

    r: Count = Field(8, description="rank of LoRA, divided among the experts")
    lora_alpha: Annotated[float, Field(gt=0)] = Field(32.0, description="LoRA's alpha: its update is scaled by alpha/r")
    lora_dropout: Probability = Field(0.0, description="on the input of LoRA")
    target_modules: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)] = Field(
        ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
        description="linear layers that LoRA adapts",
    )
    experts: Annotated[Count, GATED] = Field(4, description="experts K of iLoRA, each of rank r/K")
    gate: Annotated[Literal["linear", "residual_convolution", "top_k"], GATED] = Field(
        "linear",
        description="network that maps the gate's input to the weights of the experts: the paper's, the released "
        "code's, or a linear one that sets all but the active_experts largest weights to zero",
    )
    active_experts: Annotated[Count | None, GATED] = Field(
        None, description="experts that each sequence uses, for gate top_k; otherwise null"
    )
    gate_input: Annotated[
        Literal["sequence_representation", "random_initialized", "token_collapsed", "shuffled", "constant"], GATED
    ] = Field(
        "sequence_representation",
        description="input of the gate: the recommender's representation of the sequence (the paper); for "
        "comparison, a random vector per sequence, the mean embedding of the prompt's tokens, the "
        "representation of another sequence, or a constant (one gate for all sequences)",
    )
    scale: Annotated[Literal["per_rank", "per_expert_rank"], GATED] = Field(
        "per_expert_rank",
        description="scale of iLoRA's update: alpha/r (Eq. 3 of the paper), or alpha/(r/K) (the released code), "
        "with which a uniform gate equals plain LoRA",
    )
    item_vectors: Annotated[Literal["raw", "decorrelated"], HYBRID] = Field(
        "decorrelated",
        description="input of the projector: the recommender's item embeddings unchanged (the paper), or "
        "decorrelated and scaled to one norm, as in the pretraining of the embedded backbone",
    )


class FinetuningValues(AdapterValues):
    """All settings of fine-tuning for one data set."""

    learning_rate: Rate = Field(0.002, description="peak learning rate of LoRA's weights")
    projector_learning_rate: Annotated[Rate | None, HYBRID] = Field(
        None, description="peak learning rate of the projector; null for that of LoRA"
    )
    gate_learning_rate: Annotated[Rate | None, GATED] = Field(
        0.002, description="peak learning rate of the gate; null for that of LoRA"
    )
    batch_size: Count = Field(16, description="sequences per optimizer step")
    gradient_accumulation: Count = Field(
        1, description="parts in which a batch is computed, to save memory; the optimizer step stays the same"
    )
    gradient_checkpointing: bool = Field(
        False,
        description="recompute activations in the backward pass instead of storing them: less memory, more time",
    )
    length_grouped: bool = Field(
        False, description="draw batches of prompts of similar length at random, which saves padding"
    )
    steps: Count | None = Field(2800, description="optimizer steps; null if epochs is set")
    epochs: Annotated[float, Field(gt=0)] | None = Field(
        None, description="passes over the training sequences; null if steps is set"
    )
    warmup_fraction: Annotated[float, Field(ge=0, le=1)] = Field(
        0.05, description="fraction of the steps up to the peak learning rate; cosine decay after it"
    )
    learning_rate_floor: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="fraction of the peak at which warm-up begins and the cosine ends (the released code: 0.01)"
    )
    adam_beta2: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.98, description="Adam's decay rate of the mean squared gradient (the released code: 0.999)"
    )
    l2: Annotated[float, Field(ge=0), HYBRID] = Field(
        0.0,
        description="L2 penalty of projector and gate, added to their gradients as torch's Adam does (the released "
        "code: 1e-5)",
    )
    maximum_gradient_norm: Annotated[float, Field(gt=0)] | None = Field(
        1.0, description="norm to which larger gradients are clipped; null for no clipping (the released code)"
    )
    projector_start: Annotated[Literal["pretrained", "scaled", "unscaled"], HYBRID] = Field(
        "pretrained",
        description="initial weights of the projector: the pretrained projector of the embedded backbone (other "
        "backbones have none and use scaled); random, with outputs scaled to the norm of a word's embedding; or "
        "random as PyTorch draws them (the released code)",
    )
    prompt_texts: Literal["lists", "sentences"] = Field(
        "lists",
        description="one prompt with one item per line, as set in prompt; or one of three prompts at random, in "
        'running text with lists joined by ", " (as in the released code, in our own words)',
    )
    curriculum: Annotated[bool, HYBRID] = Field(
        False, description="start with text-only batches and make them ever rarer (LLaRA's curriculum)"
    )
    curriculum_counter: Annotated[Literal["training", "epoch"], HYBRID] = Field(
        "training",
        description="span of the curriculum's batch counter: the whole training, so that half of all batches have "
        "behaviour tokens; or each epoch, as in the released code's data loaders, so that with 5 epochs a tenth have "
        "them",
    )
    sequences_per_draw: Count | None = Field(
        None,
        description="consecutive sequences that share one draw of the curriculum and of prompt_texts; null for "
        "batch_size (the released code: 8, its micro-batch)",
    )
    validation_every: Count | None = Field(
        None,
        description="optimizer steps between measurements of the validation loss; null for none",
    )
    patience: Count | None = Field(
        None,
        description="measurements without a lower loss before training stops and keeps the state with the lowest; null "
        "to train to the last step",
    )
    best_epoch: bool = Field(
        False,
        description="keep the state after the epoch with the highest HitRatio@1 on the validation split, the earliest "
        "on ties (the released code), instead of the last",
    )
    maximum_new_tokens: Count | None = Field(
        None, description="longest answer of a tuned method, in tokens; null for decoding.maximum_new_tokens"
    )
    log_every: Count = Field(
        10, description="optimizer steps per row of the training log; training can pause only at the end of a row"
    )
    checkpoint_every: Count = Field(
        500, description="optimizer steps between checkpoints, from which an interrupted training resumes"
    )
    snapshots: tuple[Count, ...] = Field(
        (100, 300, 1000, 2000), description="optimizer steps after which the adapter is saved, besides the last"
    )

    def total_steps(self, training_sequences: int) -> int:
        """Return the configured steps, or the steps of the configured epochs over the training sequences."""
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None  # one of the two is set
        return math.ceil(self.epochs * training_sequences / self.batch_size)

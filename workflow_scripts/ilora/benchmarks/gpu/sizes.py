"""Sizes of all measurements, on a GPU and in miniature on a processor; the two differ in nothing else."""

from dataclasses import dataclass

import torch

from ilora.backbone.architecture import BackboneShape
from ilora.benchmarks.workloads import LLAMA_2_7B_GPU, Workload


@dataclass(frozen=True)
class Sizes:
    """Sizes of the measurements.

    Attributes:
        name: name of these sizes.
        patience: factor on the time budget of each part; a processor may be slow and busy.
        large: shape of the model with random weights, and the batch for the comparison of adapters.
        rows: number of prompts per part of a fine-tuning step.
        parts: number of parts per step.
        repeats: number of repeats of each timing.
        answered: number of prompts that are answered, and scored, in one batch.
        new_tokens: maximum number of tokens of an answer.
        product: width of the square matrices whose product defines the peak rate.
        titles: number of titles of the invented data set.
        history: number of items per history.
        candidates: number of items per candidate set.
        vocabulary: vocabulary size of the tokenizer trained on its titles.
        backbone: backbone of the invented study.
    """

    name: str
    patience: float
    large: Workload
    rows: int
    parts: int
    repeats: int
    answered: int
    new_tokens: int
    product: int
    titles: int
    history: int
    candidates: int
    vocabulary: int
    backbone: BackboneShape


GPU = Sizes(
    name="gpu",
    patience=1.0,
    # The per-expert form stores 23 MB per token: 3,200 tokens would not fit in 80 GB.
    large=Workload(batch=4, tokens=LLAMA_2_7B_GPU.tokens),
    rows=8,
    parts=2,
    repeats=10,
    answered=16,
    new_tokens=16,
    product=8192,
    titles=400,
    history=10,
    candidates=20,
    vocabulary=2000,
    backbone=BackboneShape(hidden_size=256, layers=4, heads=4, intermediate_size=512),
)

MINIATURE = Sizes(
    name="miniature",
    patience=20.0,
    large=Workload(batch=2, tokens=8, layers=1, hidden_size=64, intermediate_size=64, heads=2, vocabulary_size=600),
    rows=2,
    parts=2,
    repeats=2,
    answered=2,
    new_tokens=3,
    product=64,
    titles=30,
    history=3,
    candidates=5,
    vocabulary=500,
    backbone=BackboneShape(hidden_size=64, layers=1, heads=2, intermediate_size=64),
)


def sizes_for(device: torch.device) -> Sizes:
    """Return the sizes for a device."""
    return GPU if device.type == "cuda" else MINIATURE

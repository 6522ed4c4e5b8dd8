"""How large everything is: on a GPU, and in miniature on a processor. Nothing else tells the two apart."""

from dataclasses import dataclass

import torch

from ilora.backbone.architecture import BackboneShape
from ilora.benchmarks.workloads import LLAMA_2_7B_GPU, Workload


@dataclass(frozen=True)
class Sizes:
    """What is measured.

    Attributes:
        name: of this choice.
        patience: what the seconds of a part are multiplied with; a processor may be slow and busy.
        large: the model with random weights; its batch and tokens are those of the comparison of adapters.
        rows: prompts that a fine-tuning step computes at once.
        parts: of that many prompts, in a step.
        repeats: of what is timed.
        answered: prompts that are answered, and scored, at once.
        new_tokens: of an answer.
        product: width of the square matrices whose product's rate is the machine's peak.
        titles: of the invented data set.
        history: items in each of its sequences.
        candidates: items in each of its candidate sets.
        vocabulary: tokens of the tokenizer that is learnt on its titles.
        backbone: of the invented study.
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
    # The per-expert form keeps 23 MB a token: with 3,200 of them it would not fit 80 GB.
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
    """Give the sizes for a device."""
    return GPU if device.type == "cuda" else MINIATURE

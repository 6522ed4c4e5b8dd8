"""How many optimizer steps a fine-tuning takes; free of torch, for those that only count."""

import math
from collections.abc import Mapping
from typing import Any


def optimizer_steps(finetuning: Mapping[str, Any], training_sequences: int) -> int:
    """Return the steps that the study's `finetuning` section names, or that its epochs over the sequences amount to."""
    return finetuning["steps"] or math.ceil(finetuning["epochs"] * training_sequences / finetuning["batch_size"])

"""In what the frozen weights are kept and the language model computes."""

from typing import Literal

import torch

Precision = Literal["float32", "bfloat16", "float16"]

DTYPES: dict[Precision, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}

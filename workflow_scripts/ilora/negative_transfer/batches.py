"""Batches of token ids for training and inference of the small Llama."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ilora.adapters.labels import IGNORED_LABEL
from ilora.llm.prompts.builder import NO_ITEM


def batch_of(tokens: NDArray[np.int64], answers: int) -> dict[str, torch.Tensor]:
    """Return the arguments of `ilora.llm.model.hybrid_model.HybridLanguageModel.forward` for token ids of equal length.

    Args:
        tokens: prompts with answers, int64 [rows, tokens].
        answers: number of labelled tokens at the end.
    """
    input_ids = torch.from_numpy(tokens)
    labels = input_ids.clone()
    labels[:, : tokens.shape[1] - answers] = IGNORED_LABEL
    return {"input_ids": input_ids, "behaviour": torch.full_like(input_ids, NO_ITEM), "labels": labels}


def the_batch(items: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Return the only item of a list, which is a whole batch."""
    (batch,) = items
    return batch

"""Exact log-likelihoods of candidates under a generator."""

import torch

from ilora.generative.generator import Generator


@torch.inference_mode()
def log_likelihoods(
    model: Generator, input_ids: torch.Tensor, attention_mask: torch.Tensor, item_tokens: torch.Tensor
) -> torch.Tensor:
    """Return the log-likelihood of ids after each history, float64 (rows, ids), in nats.

    Each id is scored as a whole, without a cache or beams; items with the same id have the same score.

    Args:
        model: generator in evaluation mode.
        input_ids: histories, int64 (rows, tokens), padded on the right.
        attention_mask: int64 (rows, tokens), 0 at padding.
        item_tokens: tokens of the ids to score after each history, int64 (rows, ids, levels).
    """
    rows, ids, levels = item_tokens.shape
    encoded = model.encode(input_ids, attention_mask).repeat_interleave(ids, dim=0)
    labels = item_tokens.reshape(rows * ids, levels)
    mask = attention_mask.repeat_interleave(ids, dim=0)
    logits = model.t5(encoder_outputs=(encoded,), attention_mask=mask, labels=labels).logits
    of_tokens = logits.double().log_softmax(dim=-1).gather(-1, labels[..., None])[..., 0]
    return of_tokens.sum(dim=1).view(rows, ids)

"""Title vectors from a text encoder."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from ilora.progress import Progress


@torch.inference_mode()
def encode_titles(
    model: Any, tokenizer: PreTrainedTokenizerBase, titles: Sequence[str], batch_size: int, progress: Progress
) -> torch.Tensor:
    """Return the mean of the last hidden states over each title's own tokens, float32 (titles, h).

    The model reads the special tokens that the tokenizer adds, but they are not averaged. A special token's name
    within a title is treated as ordinary text.

    Args:
        model: transformers model without a head, as loaded by `AutoModel`.
        tokenizer: tokenizer of the model, with a padding token.
        titles: titles by item id.
        batch_size: number of titles per batch.
        progress: updated after every batch of titles.

    Raises:
        ValueError: if the tokenizer finds no token in a title.
        FloatingPointError: if a vector is not finite.
    """
    model.eval()
    parts = []
    for begin in range(0, len(titles), batch_size):
        batch = list(titles[begin : begin + batch_size])
        token_ids, attention_mask, counted = (part.to(model.device) for part in title_tokens(tokenizer, batch))
        hidden = model(input_ids=token_ids, attention_mask=attention_mask).last_hidden_state
        counted = counted[..., None]
        parts.append(((hidden.float() * counted).sum(dim=1) / counted.sum(dim=1)).cpu())
        progress.update(n=len(batch))
    vectors = torch.cat(parts)
    if not torch.isfinite(vectors).all():
        raise FloatingPointError("the encoder returned NaN or infinity for a title")
    return vectors


def title_tokens(
    tokenizer: PreTrainedTokenizerBase, titles: Sequence[str]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Tokenize titles for an encoder, padded on the right.

    Args:
        tokenizer: tokenizer of the encoder, with a padding token.
        titles: titles, at least one.

    Returns:
        Token ids, attention mask, and mask of the titles' own tokens, int64 (titles, tokens) each.

    Raises:
        ValueError: if the tokenizer finds no token in a title.
    """
    tokens = tokenizer(
        list(titles),
        padding=True,
        padding_side="right",
        return_special_tokens_mask=True,
        split_special_tokens=True,
        return_tensors="pt",
    )
    counted = tokens["attention_mask"] * (1 - tokens["special_tokens_mask"])
    empty = (counted.sum(dim=1) == 0).nonzero()
    if len(empty):
        raise ValueError(f"the encoder's tokenizer finds no token in the title {titles[int(empty[0, 0])]!r}")
    return tokens["input_ids"], tokens["attention_mask"], counted

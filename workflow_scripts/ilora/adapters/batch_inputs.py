"""The gate inputs of a batch, extracted from the base model's inputs."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import nn

from ilora.adapters.gate_inputs import collapse_tokens
from ilora.adapters.labels import IGNORED_LABEL


def by_name(arguments: Sequence[Any], inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the inputs by name, including token ids that were passed as the first positional argument."""
    return {"input_ids": arguments[0], **inputs} if arguments else inputs


def given_gate_inputs(given: Any) -> torch.Tensor:
    """Return the sequence representations of the batch.

    Raises:
        ValueError: if there are none.
    """
    if given is None:
        raise ValueError(
            "sequence_representations: found None, expected one row for each row of the batch (with "
            "transformers' Trainer, set remove_unused_columns=False to keep them)"
        )
    return cast(torch.Tensor, given)


def collapsed_tokens_of(inputs: Mapping[str, Any], model: nn.Module) -> torch.Tensor:
    """Return the inputs of a gate that reads the tokens, float (rows, width).

    Args:
        inputs: inputs of the base model, by name.
        model: the base model.

    Raises:
        ValueError: if there are no tokens among the inputs, or no attention mask of their shape.
    """
    embeddings = inputs.get("inputs_embeds")
    if embeddings is None:
        if inputs.get("input_ids") is None:
            raise ValueError("found neither input_ids nor inputs_embeds, expected one of them")
        embeddings = cast(Any, model).get_input_embeddings()(inputs["input_ids"])
    return collapse_tokens(embeddings, _prompt_tokens(inputs, embeddings))


def copies_of_a_row(inputs: Mapping[str, Any], model: nn.Module) -> int:
    """Return how many times `generate` repeats each row; its arguments take precedence over the model's config."""
    sources = (inputs.get("generation_config"), getattr(model, "generation_config", None))
    copies = 1
    for name in ("num_beams", "num_return_sequences"):
        values = (inputs.get(name), *(getattr(source, name, None) for source in sources))
        copies = max(copies, next((value for value in values if value is not None), 1))
    return copies


def _prompt_tokens(inputs: Mapping[str, Any], embeddings: torch.Tensor) -> torch.Tensor:
    """Return a mask of the tokens that are neither padding nor answer, bool (rows, tokens)."""
    mask = inputs.get("attention_mask")
    if mask is None:
        raise ValueError("attention_mask: found None, expected one: a gate that reads the tokens must know the padding")
    if mask.shape != embeddings.shape[:2]:
        raise ValueError(
            f"attention_mask: found shape {tuple(mask.shape)}, expected that of the tokens, "
            f"{tuple(embeddings.shape[:2])}: a gate that reads the tokens needs the whole prompt. When decoding "
            "with a cache, call the model inside `with model.gated(collapse_tokens(embeddings, mask))`, with the "
            "prompt's embeddings and mask."
        )
    prompt: torch.Tensor = mask.bool()
    return prompt if inputs.get("labels") is None else prompt & (inputs["labels"] == IGNORED_LABEL)

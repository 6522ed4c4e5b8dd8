"""Log-probabilities of every answer of a catalogue: each prompt and each shared prefix is processed once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ilora.llm.inference.catalogue_tree import CatalogueBlock, CatalogueTree
from ilora.llm.inference.likelihood import AnswerScores, check_finite
from ilora.llm.inference.prompt_batches import PreparedPrompt, in_batches, prompt_batch
from ilora.llm.inference.shared_prompts import (
    KeysAndValues,
    ReadPrompts,
    can_share,
    log_probabilities_of,
    read_behind,
    read_prompts,
)
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.progress import Progress

#: Nodes of a tree that are processed at once; the memory for logits and mask grows with it.
NODES_IN_A_BLOCK = 256


class CannotShareError(ValueError):
    """A model cannot score a catalogue's titles after a prompt that is processed once; the message says what to do."""


@dataclass
class TokensRead:
    """Number of tokens processed so far.

    Attributes:
        prompts: tokens of prompts.
        padding: padding of the prompts.
        titles: tokens of titles, after the prompts.
    """

    prompts: int = 0
    padding: int = 0
    titles: int = 0


@torch.inference_mode()
def score_catalogue(
    model: HybridLanguageModel,
    prompts: Sequence[PreparedPrompt],
    catalogue: CatalogueTree,
    batch_size: int,
    progress: Progress,
    read: TokensRead,
) -> list[AnswerScores]:
    """Score every answer of a catalogue for every prompt.

    Args:
        model: the model; it is set to evaluation mode.
        prompts: prompts, at least one.
        catalogue: the possible answers to each prompt.
        batch_size: number of prompts per batch.
        progress: updated after every batch of prompts.
        read: counter that accumulates the tokens processed.

    Returns:
        The scores of each prompt, in the order of the prompts; answers are in the order of the catalogue.

    Raises:
        CannotShareError: if the model cannot process a tree of answers after a prompt.
        FloatingPointError: if a score is not finite.
    """
    model.eval()
    longest = max(len(prompt.tokens.token_ids) for prompt in prompts) + int(catalogue.lengths.max())
    check_sharing(model.causal_model, longest)
    scores: dict[int, AnswerScores] = {}
    for chosen in in_batches(prompts, batch_size):
        sums = _sums(model, [prompts[index] for index in chosen], catalogue, read)
        for index, of_prompt in zip(chosen, sums, strict=True):
            check_finite(of_prompt)
            scores[index] = AnswerScores(of_prompt, catalogue.lengths)
        progress.update(n=len(chosen))
    return [scores[index] for index in range(len(prompts))]


def check_sharing(causal_model: Any, longest: int) -> None:
    """Check that a model can process the tree of a catalogue after a prompt.

    Args:
        causal_model: transformers model; its weights are not read.
        longest: number of tokens of the longest prompt with its longest answer.

    Raises:
        CannotShareError: if it cannot.
    """
    if not can_share(causal_model, max(longest, NODES_IN_A_BLOCK + 1)):
        raise CannotShareError(
            f"{type(causal_model).__name__} with attention {causal_model.config._attn_implementation} and texts of up "
            f"to {longest} tokens cannot rank all items: it would process the prompt again for every title. Set "
            "backbone.attention to sdpa or eager, lower data.maximum_history to fit the model's attention window "
            f"(which must also exceed {NODES_IN_A_BLOCK} tokens), use another backbone, or disable full_ranking"
        )


def _sums(
    model: HybridLanguageModel, prompts: Sequence[PreparedPrompt], catalogue: CatalogueTree, read: TokensRead
) -> NDArray[np.float64]:
    """Return the log-probability of every answer to every prompt of a batch, float64 (prompts, answers)."""
    batch = prompt_batch(model, prompts)
    of_nodes = np.empty((len(prompts), catalogue.nodes))
    layers: list[KeysAndValues] = []
    with model.gated(batch.gate_inputs, batch.embeddings, batch.attention_mask.bool()):
        prefix = read_prompts(model, batch)
        _count_prompts(read, batch.attention_mask)
        for block in catalogue.blocks:
            of_nodes[:, block.predicted], layers = _read_block(model, prefix, block, layers)
            read.titles += len(prompts) * len(block.token_ids)
    return catalogue.sums(of_nodes)


def _read_block(
    model: HybridLanguageModel, prefix: ReadPrompts, block: CatalogueBlock, layers: Sequence[KeysAndValues]
) -> tuple[NDArray[np.float64], list[KeysAndValues]]:
    """Process a block of the tree after the prompts.

    Args:
        model: model that processed the prompts.
        prefix: the prompts.
        block: block to process.
        layers: keys and values left by the previous block.

    Returns:
        Log-probabilities of the predicted nodes, float64 (rows, predicted), and the keys and values of kept and new
        nodes, for the next block.
    """
    where, rows = prefix.logits.device, len(prefix.logits)
    chosen = torch.from_numpy(block.kept).to(where)
    kept = [(keys[:, :, chosen], values[:, :, chosen]) for keys, values in layers]
    token_ids, among = (torch.from_numpy(array).to(where) for array in (block.token_ids, block.among))
    behind = read_behind(model, prefix, token_ids.expand(rows, -1), among.expand(rows, -1, -1), kept)
    predictors, tokens = (
        torch.from_numpy(array).to(where).repeat(rows) for array in (block.predictors, block.predicted_tokens)
    )
    of_rows = torch.arange(rows, device=where).repeat_interleave(len(block.predicted))
    found = log_probabilities_of(prefix.logits, behind.logits, of_rows, predictors, tokens)
    return found.double().view(rows, -1).numpy(), _joined(kept, behind.layers)


def _joined(first: Sequence[KeysAndValues], second: Sequence[KeysAndValues]) -> list[KeysAndValues]:
    if not first:
        return list(second)
    return [
        (torch.cat([keys, more_keys], dim=2), torch.cat([values, more_values], dim=2))
        for (keys, values), (more_keys, more_values) in zip(first, second, strict=True)
    ]


def _count_prompts(read: TokensRead, attention_mask: torch.Tensor) -> None:
    tokens = int(attention_mask.sum())
    read.prompts += tokens
    read.padding += attention_mask.numel() - tokens

"""Alternatives to z as the gate input: the variants of Fig. 5, and controls that the paper did not run.

The paper names two variants without defining them (section 4.3.1): "random-initialized" and "token-collapsed"
embeddings as the guidance of the gate. Here, the first is a fixed random vector for each sequence, so that gates differ
between sequences but carry no information about them; the second is the mean embedding of the prompt's tokens.
"""

from collections.abc import Sequence

import numpy as np
import torch

from ilora.adapters.config import CONSTANT_WIDTH


def random_initialized(sequences: int, width: int, seed: int) -> torch.Tensor:
    """Draw a standard normal vector for each sequence, float32 (sequences, width), fixed by seed and row number."""
    rows = [np.random.default_rng([seed, row]).standard_normal(width, dtype=np.float32) for row in range(sequences)]
    return torch.from_numpy(np.stack(rows))


def shuffled(sequence_representations: torch.Tensor, groups: Sequence[np.ndarray], seed: int) -> torch.Tensor:
    """Permute z within groups: the same vectors remain, but they no longer describe their sequences.

    Args:
        sequence_representations: float (sequences, d).
        groups: row numbers of each group; a row is in at most one group. Use one group per split, so that no split sees
            the z of another.
        seed: seed of the permutations.

    Returns:
        float (sequences, d). In a group of two or more, no row keeps its own z.
    """
    result = sequence_representations.clone()
    for number, rows in enumerate(groups):
        order = np.random.default_rng([seed, number]).permutation(rows)
        result[torch.from_numpy(order)] = sequence_representations[torch.from_numpy(np.roll(order, 1))]
    return result


def constant_gate_inputs(rows: int, device: torch.device | None = None) -> torch.Tensor:
    """Return the inputs of a constant gate: ones, float32 (rows, 1)."""
    return torch.ones(rows, CONSTANT_WIDTH, device=device)


def collapse_tokens(embeddings: torch.Tensor, counted: torch.Tensor) -> torch.Tensor:
    """Return the mean embedding of each row's tokens, float32 or wider (rows, h), detached from the graph.

    Args:
        embeddings: float (rows, tokens, h).
        counted: mask of the prompt's tokens, bool (rows, tokens), without padding and without the answer, which is not
            available at inference.

    Raises:
        ValueError: if a row has no token to average.
    """
    if torch.compiler.is_compiling():
        torch._assert_async(counted.any(dim=1).all(), "a batch row has no prompt token to take the mean of")
    elif not counted.any(dim=1).all():
        rows = (~counted.any(dim=1)).nonzero().flatten().tolist()
        raise ValueError(f"batch rows {rows} have no prompt token to take the mean of")
    # bfloat16 cannot count beyond 256.
    precision = torch.promote_types(embeddings.dtype, torch.float32)
    weights = counted.to(precision)[..., None]
    return ((embeddings * weights).sum(dim=1) / weights.sum(dim=1)).detach()

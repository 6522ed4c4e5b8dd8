"""What a gate can read in place of z: the variants of Fig. 5, and controls that the paper did not run.

The paper names two variants without defining them (section 4.3.1): "random-initialized" and "token-collapsed"
embeddings as the guidance of the gate. Here, the first is a fixed random vector for each sequence, so that gates differ
between sequences but know nothing of them; the second is the mean of the embeddings of the prompt's tokens.
"""

from collections.abc import Sequence

import numpy as np
import torch

from ilora.adapters.config import CONSTANT_WIDTH


def random_initialized(sequences: int, width: int, seed: int) -> torch.Tensor:
    """Give each sequence a standard normal vector, float32 (sequences, width), fixed by seed and row number alone."""
    rows = [np.random.default_rng([seed, row]).standard_normal(width, dtype=np.float32) for row in range(sequences)]
    return torch.from_numpy(np.stack(rows))


def shuffled(sequence_representations: torch.Tensor, groups: Sequence[np.ndarray], seed: int) -> torch.Tensor:
    """Give each sequence the z of another one of its group: the same vectors, told apart as before, without meaning.

    Args:
        sequence_representations: float (sequences, d).
        groups: row numbers; each row in one group at most. Give one group a split, so that no split sees another's z.
        seed: of the permutations.

    Returns:
        float (sequences, d). In a group of two or more, no row keeps its own z.
    """
    result = sequence_representations.clone()
    for number, rows in enumerate(groups):
        order = np.random.default_rng([seed, number]).permutation(rows)
        result[torch.from_numpy(order)] = sequence_representations[torch.from_numpy(np.roll(order, 1))]
    return result


def constant_gate_inputs(rows: int, device: torch.device | None = None) -> torch.Tensor:
    """Give what a constant gate reads: ones, float32 (rows, 1)."""
    return torch.ones(rows, CONSTANT_WIDTH, device=device)


def collapse_tokens(embeddings: torch.Tensor, counted: torch.Tensor) -> torch.Tensor:
    """Give the mean embedding of each row's tokens, float32 or wider (rows, h), cut off from the graph.

    Args:
        embeddings: float (rows, tokens, h).
        counted: bool (rows, tokens): the prompt's tokens; padding and the answer must not count, for an answer
            seen in training is not there when one is asked for.

    Raises:
        ValueError: if a row has no token that counts.
    """
    if torch.compiler.is_compiling():
        torch._assert_async(counted.any(dim=1).all(), "a batch row has no prompt token to take the mean of")
    elif not counted.any(dim=1).all():
        rows = (~counted.any(dim=1)).nonzero().flatten().tolist()
        raise ValueError(f"batch rows {rows} have no prompt token to take the mean of")
    # Half precision cannot count beyond 256 (bfloat16).
    precision = torch.promote_types(embeddings.dtype, torch.float32)
    weights = counted.to(precision)[..., None]
    return ((embeddings * weights).sum(dim=1) / weights.sum(dim=1)).detach()

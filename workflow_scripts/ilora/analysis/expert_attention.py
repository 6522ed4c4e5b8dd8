"""Which sequences the figure of expert attention shows, and their experts' weights.

The weights are the omega of Eq. 11 in arXiv 2408.10159: the softmax of the gate, one per expert.
"""

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

#: The weights of the chosen sequences, in the order of the figure: a row per sequence and expert.
EXPERT_ATTENTION = pa.schema(
    [
        pa.field("sequence_id", pa.int32(), nullable=False),
        pa.field("expert", pa.int32(), nullable=False),
        pa.field("weight", pa.float64(), nullable=False),
    ]
)

#: How far the weights of one sequence may sum from 1; a softmax in bfloat16 stays within it.
SUM_TOLERANCE = 1e-2


def select_expert_attention(gates: pa.Table, sequences: int, seed: int) -> pa.Table:
    """Return the experts' weights of test sequences chosen without looking at the weights.

    The rule: each test sequence gets a key, the SHA-256 of "expert_attention", `seed` and its id; those with
    the smallest keys are shown, in ascending order of their ids. So the choice depends on nothing but the
    seed and the ids.

    Args:
        gates: columns sequence_id int32, split string, expert int32 (from 0), weight float64.
        sequences: how many to choose.
        seed: the seed of the choice.

    Returns:
        A table of the schema EXPERT_ATTENTION, sorted by sequence and expert.

    Raises:
        ValueError: there are fewer test sequences, a sequence lacks an expert or has one twice, or its
            weights do not sum to 1.
    """
    test = gates.filter(pc.equal(gates["split"], "test"))
    identifiers = pc.unique(test["sequence_id"]).to_pylist()
    if len(identifiers) < sequences:
        raise ValueError(f"the gates hold {len(identifiers)} test sequences, expected at least {sequences}.")
    chosen = sorted(identifiers, key=lambda identifier: _key(seed, identifier))[:sequences]
    shown = test.filter(pc.is_in(test["sequence_id"], pa.array(chosen, pa.int32())))
    shown = shown.select(EXPERT_ATTENTION.names).sort_by([("sequence_id", "ascending"), ("expert", "ascending")])
    _check_weights(shown, sequences)
    return shown.cast(EXPERT_ATTENTION)


def _key(seed: int, sequence: int) -> str:
    return hashlib.sha256(f"expert_attention/{seed}/{sequence}".encode()).hexdigest()


def _check_weights(shown: pa.Table, sequences: int) -> None:
    experts = len(pc.unique(shown["expert"]))
    expected = np.tile(np.arange(experts), sequences)
    if not np.array_equal(shown["expert"].to_numpy(), expected):
        raise ValueError(f"the gates do not hold each of the experts 0 to {experts - 1} once for every sequence.")
    sums = shown["weight"].to_numpy().reshape(sequences, experts).sum(axis=1)
    if not (np.abs(sums - 1.0) <= SUM_TOLERANCE).all():
        raise ValueError(f"the experts' weights of a sequence sum to {sums[np.abs(sums - 1.0).argmax()]}, expected 1.")

"""Gram matrices of gradients as a table."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ilora.analysis.schemas import GRADIENT_GRAMS


@dataclass(frozen=True)
class Grams:
    """The Gram matrices of one partition at one step; a partition may have no groups.

    Attributes:
        groups: the groups in order, int32 [groups].
        modules: Gram matrix of each module, float64 [groups, blocks, groups, blocks]: entry [g, b, h, d] is the inner
            product of the gradients on block b of group g and on block d of group h.
    """

    groups: NDArray[np.int32]
    modules: Mapping[str, NDArray[np.float64]]


def grams_table(
    partition: str, step: int, groups: NDArray[np.int32], grams: Mapping[str, NDArray[np.float64]]
) -> pa.Table:
    """Return the rows of one partition, of schema `GRADIENT_GRAMS`.

    Args:
        partition: name of the partition.
        step: optimizer step of the adapter.
        groups: the group of each block, int32 [blocks].
        grams: Gram matrix of each module, float64 [blocks, blocks].
    """
    rows = [
        {"partition": partition, "step": step, "module": module, "groups": groups.tolist(), "gram": gram.ravel()}
        for module, gram in grams.items()
    ]
    return pa.Table.from_pylist(rows, schema=GRADIENT_GRAMS)


def grams_of(table: pa.Table, partition: str) -> Grams:
    """Return one partition of a table of schema `GRADIENT_GRAMS` that holds one step.

    Raises:
        ValueError: the partition has no row, or its groups have different numbers of blocks.
    """
    rows = table.filter(pc.equal(table["partition"], partition)).to_pylist()
    if not rows:
        raise ValueError(f"found no gradients of the partition {partition!r}")
    groups, blocks = np.unique(np.array(rows[0]["groups"], dtype=np.int32), return_counts=True)
    if len(set(blocks.tolist())) > 1:
        raise ValueError(f"the groups of {partition!r} have {blocks.tolist()} blocks, expected equal numbers")
    shape = (len(groups), int(blocks[0]) if len(blocks) else 0) * 2
    return Grams(groups, {row["module"]: np.array(row["gram"]).reshape(shape) for row in rows})


def kind_of(module: str) -> str:
    """Return the kind of a module within its layer, such as ``q_proj``."""
    return module.rsplit(".", 1)[-1]

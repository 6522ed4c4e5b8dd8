"""Named steps from raw interactions to those that a protocol keeps, each counted and logged."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import pyarrow as pa
import pyarrow.compute as pc

logger = logging.getLogger(__name__)

#: What the steps of one preparation did, in their order: a row for each.
PREPARATION_STEPS = pa.schema(
    [
        pa.field("step", pa.string(), nullable=False),
        pa.field("rows_in", pa.int64(), nullable=False),
        pa.field("rows_out", pa.int64(), nullable=False),
        pa.field("users_out", pa.int64(), nullable=False),
        pa.field("items_out", pa.int64(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Step:
    """One step of a preparation.

    Attributes:
        name: as it stands in the log and in the table of steps.
        apply: from a table with the columns raw_user_id and raw_item_id, a row for each interaction, to another.
        counts_others: whether later interactions can change what it keeps of earlier ones, as where it asks how many
            users an item has.
    """

    name: str
    apply: Callable[[pa.Table], pa.Table]
    counts_others: bool = False


@dataclass(frozen=True)
class StepCount:
    """What one step did: interactions before and after it, users and items that still occur after it."""

    step: str
    rows_in: int
    rows_out: int
    users_out: int
    items_out: int


def run_steps(interactions: pa.Table, steps: Iterable[Step]) -> tuple[pa.Table, list[StepCount]]:
    """Apply the steps in their order; log and count what each of them does.

    Raises:
        ValueError: there are no interactions, a step leaves none, or it refuses its input.
    """
    if not interactions.num_rows:
        raise ValueError("The data set has no interactions. Check its files, and what its reader logged as dropped.")
    counts = []
    for step in steps:
        result = step.apply(interactions)
        count = _count(step.name, interactions, result)
        logger.info(
            "%s: %d interactions in, %d out, of %d users and %d items",
            count.step,
            count.rows_in,
            count.rows_out,
            count.users_out,
            count.items_out,
        )
        if not count.rows_out:
            raise ValueError(
                f"The step '{step.name}' leaves none of the {count.rows_in} interactions that reached it. Loosen"
                " its setting, or use more data."
            )
        counts.append(count)
        interactions = result
    return interactions, counts


def steps_table(counts: Iterable[StepCount]) -> pa.Table:
    """Return the counts as a table of schema `PREPARATION_STEPS`."""
    return pa.Table.from_pylist([asdict(count) for count in counts], schema=PREPARATION_STEPS)


def _count(name: str, before: pa.Table, after: pa.Table) -> StepCount:
    users, items = (pc.count_distinct(after[column]).as_py() for column in ("raw_user_id", "raw_item_id"))
    return StepCount(name, before.num_rows, after.num_rows, users, items)

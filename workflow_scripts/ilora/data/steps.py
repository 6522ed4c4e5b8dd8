"""Named preparation steps from raw to kept interactions, each counted and logged."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import pyarrow as pa
import pyarrow.compute as pc

logger = logging.getLogger(__name__)

#: Counts of the steps of one preparation, one row per step, in order.
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
        name: name in the log and in the table of steps.
        apply: from a table of interactions with the columns raw_user_id and raw_item_id to another one.
        counts_others: whether later interactions can change which earlier ones it keeps, as in a filter by the number
            of users per item.
    """

    name: str
    apply: Callable[[pa.Table], pa.Table]
    counts_others: bool = False


@dataclass(frozen=True)
class StepCount:
    """Counts of one step: interactions before and after it, and users and items that occur after it."""

    step: str
    rows_in: int
    rows_out: int
    users_out: int
    items_out: int


def run_steps(interactions: pa.Table, steps: Iterable[Step]) -> tuple[pa.Table, list[StepCount]]:
    """Apply the steps in order, and log and count the effect of each.

    Raises:
        ValueError: there are no interactions, a step leaves none, or it refuses its input.
    """
    if not interactions.num_rows:
        raise ValueError("The data set has no interactions. Check its files, and the log for rows that were dropped.")
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
                f"The step '{step.name}' leaves none of the {count.rows_in} interactions that reached it. Relax"
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

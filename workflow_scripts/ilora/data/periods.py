"""The periods of the protocol `rolling`: when each begins, and how many of its interactions are with known items."""

import os

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ilora.artifacts.parquet import read_table
from ilora.artifacts.schemas import required
from ilora.data.raw import RawData
from ilora.data.recipes import FilterSettings, Recipe
from ilora.data.steps import Step, run_steps

#: Start times of the periods, int64 [periods], in the unit of the timestamps.
Beginnings = npt.NDArray[np.int64]

#: One row per period, in order. Each lasts until the next begins, the last one until the end of the data.
PERIODS = pa.schema(
    [
        required("period", pa.int32()),  # from 1
        required("begins", pa.int64()),  # in the unit of the timestamps
        required("interactions", pa.int64()),  # in the period, with any item
        required("of_known_items", pa.int64()),  # of these, with items known before the first period
        required("users", pa.int64()),  # with an interaction in the period
        required("new_users", pa.int64()),  # of these, without one before the first period
    ]
)


def cut_periods(
    raw: RawData, recipe: Recipe, settings: FilterSettings, *, periods: int, first_training: float
) -> pa.Table:
    """Return the periods as a table of schema `PERIODS`, with about equally many interactions in each.

    The start times are computed from the times of all interactions and from nothing else. They are a choice of the
    study, like dates named in advance; no other result at a start time depends on later data.

    Args:
        raw: raw data, as returned by a reader.
        recipe: recipe of the data set.
        settings: settings of its filters.
        periods: number of periods.
        first_training: share of the interactions before the first period, 0 to 1.

    Raises:
        ValueError: so many interactions share their timestamps that a period is empty, or a step refuses the data.
    """
    kept, _ = run_steps(raw.interactions, lasting_filters(recipe, settings))
    times = kept["timestamp"].to_numpy()
    shares = first_training + (1.0 - first_training) * np.arange(periods) / periods
    begins = np.sort(times)[np.floor(shares * len(times)).astype(np.int64)]
    if begins[0] == times.min() or (np.diff(begins) <= 0).any():
        raise ValueError(
            f"{periods} periods with equally many of the {len(times)} interactions would begin at {begins.tolist()}, "
            f"with the first interaction at {times.min()}: too many share their times. Lower drift.periods or raise "
            "drift.first_training."
        )
    known = pc.is_in(kept["raw_item_id"], value_set=known_items(raw.interactions, recipe, settings, int(begins[0])))
    period_of_rows = periods_of(times, begins)
    old_users = kept["raw_user_id"].filter(pa.array(period_of_rows == 0))
    rows = []
    for period in range(1, periods + 1):
        is_in = pa.array(period_of_rows == period)
        users = pc.unique(kept["raw_user_id"].filter(is_in))
        rows.append(
            {
                "period": period,
                "begins": int(begins[period - 1]),
                "interactions": pc.sum(is_in).as_py(),
                "of_known_items": pc.sum(known.filter(is_in)).as_py() or 0,
                "users": len(users),
                "new_users": len(users) - (pc.sum(pc.is_in(users, value_set=old_users)).as_py() or 0),
            }
        )
    return pa.Table.from_pylist(rows, schema=PERIODS)


def read_beginnings(path: str | os.PathLike[str] | None) -> Beginnings | None:
    """Return the start times of the periods in a file; None, for a protocol without periods, if there is no path.

    Raises:
        FileNotFoundError, ArtifactError: see `read_table`.
    """
    return None if path is None else read_table(path, PERIODS)["begins"].to_numpy()


def periods_of(times: npt.NDArray[np.int64], begins: Beginnings) -> npt.NDArray[np.int64]:
    """Return the period of each time, from 1; 0 before the first one."""
    return np.searchsorted(begins, times, side="right").astype(np.int64)


def lasting_filters(recipe: Recipe, settings: FilterSettings) -> list[Step]:
    """Return the filters of a data set whose effect on earlier interactions does not depend on later ones."""
    return [step for step in recipe.filters(settings) if not step.counts_others]


def known_items(interactions: pa.Table, recipe: Recipe, settings: FilterSettings, moment: int) -> pa.ChunkedArray:
    """Return the raw ids of the items that all filters keep when applied to the interactions before a moment.

    Raises:
        ValueError: there are no earlier interactions, or a filter leaves none.
    """
    before, _ = run_steps(interactions.filter(pc.less(interactions["timestamp"], moment)), recipe.filters(settings))
    return pc.unique(before["raw_item_id"])

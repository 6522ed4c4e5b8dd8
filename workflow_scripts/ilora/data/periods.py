"""The periods of the protocol `rolling`: when each begins, and how much happens in it with items that are known."""

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

#: Moments at which the periods begin, int64 [periods], in the unit of the timestamps.
Beginnings = npt.NDArray[np.int64]

#: A row for each period, in order. It lasts until the next one begins, the last one until the data end.
PERIODS = pa.schema(
    [
        required("period", pa.int32()),  # from 1
        required("begins", pa.int64()),  # in the unit of the timestamps
        required("interactions", pa.int64()),  # in the period, whatever their items
        required("of_known_items", pa.int64()),  # of these, with items known before the first period
        required("users", pa.int64()),  # with an interaction in the period
        required("new_users", pa.int64()),  # of these, with none before the first period
    ]
)


def cut_periods(
    raw: RawData, recipe: Recipe, settings: FilterSettings, *, periods: int, first_training: float
) -> pa.Table:
    """Return the periods, as a table of schema `PERIODS`, with about equally many interactions in each.

    The moments are read off the times of all interactions and nothing else of them: they are the study's choice, as
    dates that somebody names would be. Nothing else that is made of the data knows what comes after one of them.

    Args:
        raw: as a reader returns it.
        recipe: of the data set.
        settings: of the filters.
        periods: how many.
        first_training: share of the interactions before the first period, 0 to 1.

    Raises:
        ValueError: so many interactions share their times that periods are empty, or a step refuses the data.
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
    """Return when the periods of a file begin; None, as what has no periods, where there is no file.

    Raises:
        FileNotFoundError, ArtifactError: as `read_table` raises them.
    """
    return None if path is None else read_table(path, PERIODS)["begins"].to_numpy()


def periods_of(times: npt.NDArray[np.int64], begins: Beginnings) -> npt.NDArray[np.int64]:
    """Return the period of each time, from 1; 0 before the first one."""
    return np.searchsorted(begins, times, side="right").astype(np.int64)


def lasting_filters(recipe: Recipe, settings: FilterSettings) -> list[Step]:
    """Return the filters of a data set of which no later interaction changes what they keep of earlier ones."""
    return [step for step in recipe.filters(settings) if not step.counts_others]


def known_items(interactions: pa.Table, recipe: Recipe, settings: FilterSettings, moment: int) -> pa.ChunkedArray:
    """Return the raw ids of the items that all filters keep of what was before a moment.

    Raises:
        ValueError: nothing was, or a filter leaves nothing.
    """
    before, _ = run_steps(interactions.filter(pc.less(interactions["timestamp"], moment)), recipe.filters(settings))
    return pc.unique(before["raw_item_id"])

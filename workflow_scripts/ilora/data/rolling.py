"""The protocol `rolling`: training before a moment that is the same for all users, and tests after it.

The time after a first share of the data is divided into periods (`ilora.data.periods`). ``rolling~KofN`` trains on the
data before period K, and tests in period K and all later ones: in each, on the last item of every user who has one. The
last item of each user before period K is the validation target.

There is no leakage from the future. The catalogue, for every K, consists of the items known before the first period:
only these are numbered, recommended and drawn as candidates, so that methods answer the same sets whenever they were
trained. Interactions with other items appear neither in histories nor as targets; `PERIODS` counts them. Filters that
count interactions are applied only to the data before the first period, and only to select items, because later counts
are not known then. Users are numbered in the order of arrival. Candidates exclude the user's items before the target,
but not later ones.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ilora.data.interactions import number_users_by_arrival, order_by_time
from ilora.data.periods import Beginnings, known_items, lasting_filters, periods_of
from ilora.data.positions import locate
from ilora.data.raw import RawData
from ilora.data.recipes import FilterSettings, Recipe
from ilora.data.splits import NO_SPLIT, SPLITS, SplitOfTarget
from ilora.data.steps import Step
from ilora.data.windows import cut_windows

_TRAIN, _VAL, _TEST = range(len(SPLITS))


def preparation_steps(raw: RawData, recipe: Recipe, settings: FilterSettings, begins: Beginnings) -> list[Step]:
    """Return the steps from raw interactions to `INTERACTIONS`; they are the same for every K.

    Args:
        raw: raw data, as returned by a reader.
        recipe: recipe of the data set.
        settings: settings of its filters.
        begins: start times of the periods.

    Raises:
        ValueError: there are no interactions before the first period, or a filter leaves none of them.
    """
    known = known_items(raw.interactions, recipe, settings, int(begins[0]))
    return [
        Step("items known before the first period", lambda rows: rows.filter(pc.is_in(rows["raw_item_id"], known))),
        *lasting_filters(recipe, settings),
        recipe.numbering(raw.items),
        number_users_by_arrival(),
        order_by_time(),
    ]


def make_sequences(
    interactions: pa.Table, begins: Beginnings, period: int, *, minimum_history: int, maximum_history: int
) -> pa.Table:
    """Return the sequences of ``rolling~KofN``, with test windows ordered by period.

    Args:
        interactions: table of schema `INTERACTIONS`, each user's rows together and in time order.
        begins: start times of the periods.
        period: K, from 1.
        minimum_history: see `cut_windows`.
        maximum_history: see `cut_windows`.

    Returns:
        A table of schema `SEQUENCES`, in the order of `cut_windows` within each split, but with test windows ordered by
        period, so that a period does not affect the rows before it.

    Raises:
        ValueError: no user can be tested in one of the periods; see also `cut_windows`.
    """
    periods = periods_of(interactions["timestamp"].to_numpy(), begins)
    split_of_target = _split(interactions, periods, period)
    windows = cut_windows(
        interactions, split_of_target, minimum_history=minimum_history, maximum_history=maximum_history
    )
    of_targets = np.where(
        pc.equal(windows["split"], "test").to_numpy(), periods[_target_rows(windows, interactions)], 0
    )
    empty = sorted(set(range(period, len(begins) + 1)) - set(of_targets.tolist()))
    if empty:
        raise ValueError(
            f"Period {empty[0]} of {len(begins)} has no user with {minimum_history} items before the last one of the "
            "period. Lower data.minimum_history or drift.periods, or use more data."
        )
    ordered = windows.take(pa.array(np.argsort(of_targets, kind="stable")))
    numbers = pa.array(np.arange(ordered.num_rows, dtype=np.int32))
    return ordered.set_column(0, windows.schema.field("sequence_id"), numbers)


def before(interactions: pa.Table, begins: Beginnings, period: int) -> pa.Table:
    """Return the interactions before a period, counted from 1."""
    return interactions.filter(pc.less(interactions["timestamp"], int(begins[period - 1])))


def _split(interactions: pa.Table, periods: np.ndarray, period: int) -> SplitOfTarget:
    """Return the split of each interaction as a target, int8 [rows]; the time before the period is one stretch."""
    user_ids = interactions["user_id"].to_numpy()
    stretches = np.where(periods < period, 0, periods)
    is_last = np.ones(len(user_ids), dtype=bool)
    is_last[:-1] = (user_ids[1:] != user_ids[:-1]) | (stretches[1:] != stretches[:-1])
    is_before = stretches == 0
    return np.select([is_before & ~is_last, is_before, is_last], [_TRAIN, _VAL, _TEST], default=NO_SPLIT).astype(
        np.int8
    )


def _target_rows(windows: pa.Table, interactions: pa.Table) -> np.ndarray:
    """Return the row of each window's target among the interactions, int64 [windows]."""
    user_ids = interactions["user_id"].to_numpy()
    first_rows = locate(user_ids).first_rows
    first_row_of = np.zeros(int(user_ids.max()) + 1, dtype=np.int64)
    first_row_of[user_ids[first_rows]] = first_rows
    return first_row_of[windows["user_id"].to_numpy()] + windows["position"].to_numpy()

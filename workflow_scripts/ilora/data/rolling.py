"""The protocol `rolling`: a clock that is the same for all users; training before a moment, tests after it.

The time after a first share of the data is cut into periods (`ilora.data.periods`). ``rolling~KofN`` trains on what was
before period K, and tests in it and all later periods: in each, the last item of every user who has one. Of what was
before, each user's last item is the validation target.

Nothing of the future is in any of it. The items are those known before the first period, for every K: they are what is
numbered, recommended and drawn as candidates, so that the same sets are answered whenever a method was trained.
Interactions with other items are left out of histories and targets alike; `PERIODS` counts them. Filters by how many
interactions an item or a user has are asked before the first period, and there for the items alone: how many somebody
will have, nobody knows then. Users are numbered in the order in which they come. Candidates are drawn outside what the
user had before the target, not after.
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
        raw: as a reader returns it.
        recipe: of the data set.
        settings: of its filters.
        begins: the moments at which the periods begin.

    Raises:
        ValueError: nothing was before the first period, or a filter leaves nothing of it.
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
    """Return the sequences of ``rolling~KofN``, test windows by period.

    Args:
        interactions: table of schema `INTERACTIONS`, each user's rows together and in the order of time.
        begins: the moments at which the periods begin.
        period: K, from 1.
        minimum_history: as `cut_windows` takes it.
        maximum_history: as `cut_windows` takes it.

    Returns:
        A table of schema `SEQUENCES`: within each split as `cut_windows` gives it, but test windows period by period,
        so that what happens in one changes nothing in the rows before it.

    Raises:
        ValueError: no user can be tested in one of the periods, or as `cut_windows` raises it.
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
    """Return the interactions before a period, which is counted from 1."""
    return interactions.filter(pc.less(interactions["timestamp"], int(begins[period - 1])))


def _split(interactions: pa.Table, periods: np.ndarray, period: int) -> SplitOfTarget:
    """Return the split of each interaction as a target, int8 [rows]; what is before the period is one stretch."""
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

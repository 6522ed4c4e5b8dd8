"""The relative improvement of one number over another, the Imp.% of the paper's Table 1."""

from collections.abc import Sequence

import numpy as np

from ilora.evaluation.bootstrap import bca_interval
from ilora.evaluation.intervals import (
    FEWEST_USERS,
    Estimate,
    IntervalSettings,
    Ratio,
    estimate_difference,
    sum_by_user,
)
from ilora.evaluation.trainings import variation_over_trainings


def relative_improvement(value: float, over: float) -> float:
    """Return the improvement of `value` over `over` in percent of `over`; NaN when `over` is 0."""
    return 100.0 * (value / over - 1.0) if over else float("nan")


def estimate_improvement(first: Sequence[Ratio], second: Sequence[Ratio], settings: IntervalSettings) -> Estimate:
    """Return the improvement of the mean ratio of `first` over that of `second` in percent, paired by user.

    The interval comes from the cluster bootstrap of `ilora.evaluation.bootstrap` and is widened by the variation of the
    linearised improvement over trainings (`ilora.evaluation.trainings`). It is NaN where `second` is above 0 for fewer
    than `FEWEST_USERS` users; the value is NaN where `second` is 0.

    Raises:
        ValueError: a side has no runs, or the runs have different users.
    """
    n = estimate_difference(first, second, settings).n
    users = np.unique(first[0].users)
    above, below = sum_by_user(first, users), sum_by_user(second, users)
    value = relative_improvement(float(above.value), float(below.value))
    if (below.numerator > 0).any(axis=0).sum() < FEWEST_USERS or not np.isfinite(value):
        return Estimate(value, float("nan"), float("nan"), n)
    resampled = below.resampled(settings)
    defined = np.where(resampled > 0, resampled, np.nan)
    own, others = 100.0 / below.value, -100.0 * above.value / below.value**2
    over_users = bca_interval(
        np.asarray(value),
        100.0 * (above.resampled(settings) / defined - 1.0),
        own * above.influence + others * below.influence,
        np.asarray(max(n, 2)),
        settings.confidence,
    )
    variation = variation_over_trainings(
        [own * above.ratios, others * below.ratios], [own * above.influences, others * below.influences]
    )
    low, high = variation.widen(np.asarray(value), over_users, settings.confidence)
    return Estimate(value, max(float(low), -100.0), float(high), n)

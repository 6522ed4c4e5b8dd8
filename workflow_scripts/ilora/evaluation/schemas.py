"""The Arrow schemas of the evaluation's output, free of the libraries that compute it."""

import pyarrow as pa

_MEAN_OVER_SEEDS = [
    pa.field("dataset", pa.string(), nullable=False),
    pa.field("protocol", pa.string(), nullable=False),
    pa.field("backbone", pa.string(), nullable=False),
    pa.field("method", pa.string(), nullable=False),
    pa.field("variant", pa.string(), nullable=False),
    pa.field("split", pa.string(), nullable=False),
    pa.field("metric", pa.string(), nullable=False),
    pa.field("seeds", pa.int32(), nullable=False),  # number of runs in the mean; 1 if nothing is random
    pa.field("value", pa.float64(), nullable=False),
    pa.field("sd", pa.float64()),  # standard deviation over seeds (n - 1); null with one run
    pa.field("low", pa.float64(), nullable=False),
    pa.field("high", pa.float64(), nullable=False),
    pa.field("n", pa.int64(), nullable=False),  # users with a row that counts
]
_INTERVAL = [
    pa.field("confidence", pa.float64(), nullable=False),  # coverage of the interval
    pa.field("covers", pa.string(), nullable=False),  # variation in the interval, `ilora.evaluation.variation`
]

#: One row per method, split and metric: mean over seeds, with the number of candidate draws per sequence.
SUMMARY = pa.schema([*_MEAN_OVER_SEEDS, pa.field("draws", pa.int32(), nullable=False), *_INTERVAL])

#: One row per method, split and metric of a full ranking: mean over seeds, with the mean number of ranked items.
RANKING_SUMMARY = pa.schema([*_MEAN_OVER_SEEDS, pa.field("ranked_items", pa.float64(), nullable=False), *_INTERVAL])

#: RANKING_SUMMARY for a method's own settings and each of its ablations, with the difference own minus ablation, paired
#: by user and training; null in the rows of the own settings.
RANKING_ABLATIONS = pa.schema(
    [*RANKING_SUMMARY, *(pa.field(f"difference{end}", pa.float64()) for end in ("", "_low", "_high"))]
)

#: One row per pair of methods and split: mean HitRatio@1 over seeds of the first method minus that of the second.
DIFFERENCES = pa.schema(
    [
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("protocol", pa.string(), nullable=False),
        pa.field("first", pa.string(), nullable=False),
        pa.field("first_backbone", pa.string(), nullable=False),
        pa.field("second", pa.string(), nullable=False),
        pa.field("second_backbone", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("seeds", pa.int32(), nullable=False),  # the smaller number; a method without seeds does not count
        pa.field("value", pa.float64(), nullable=False),
        pa.field("low", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
        pa.field("n", pa.int64(), nullable=False),  # users
        pa.field("first_ahead", pa.int64(), nullable=False),  # users with more hits by the first method
        pa.field("second_ahead", pa.int64(), nullable=False),
        pa.field("p_users", pa.float64(), nullable=False),  # exact sign-flip test over users, with these trainings
        pa.field("p", pa.float64(), nullable=False),  # the same test, over the variation that the interval covers
        pa.field("p_holm", pa.float64(), nullable=False),  # `p` after Holm's correction over the split's comparisons
        pa.field("comparisons", pa.int32(), nullable=False),  # number of comparisons of the split
        pa.field("minimum_detectable", pa.float64()),  # of a single test; null where no user differs
        pa.field("minimum_detectable_holm", pa.float64()),  # of the strictest of all tests
        pa.field("confidence", pa.float64(), nullable=False),  # of the interval; tests are at 1 - confidence
        pa.field("covers", pa.string(), nullable=False),  # variation in the interval, `ilora.evaluation.variation`
    ]
)

#: The power to detect a difference of `minimum_detectable`.
POWER = 0.8

#: One row per breakdown and group, for one run or the mean over the runs (seeds) of a method.
#:
#: - answer_category: share of answers in each category, for methods that write text.
#: - target_place: HitRatio@1 by the target's position in the candidate set, from 1.
#: - history_length: HitRatio@1 by the number of items in the history.
#: - target_popularity: HitRatio@1 by the training interactions with the target; the group "0" holds cold items.
#: - popularity_bias: mean rank of an item's popularity within its candidate set, scaled from 0 (least popular) to 1
#:   (most popular): for the target (all rows), the choice (valid answers) and wrong choices.
ERROR_ANALYSIS = pa.schema(
    [
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("protocol", pa.string(), nullable=False),
        pa.field("backbone", pa.string(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("variant", pa.string(), nullable=False),
        pa.field("seed", pa.int32()),  # null for the mean over several seeds
        pa.field("seeds", pa.int32(), nullable=False),  # number of runs in the mean
        pa.field("split", pa.string(), nullable=False),
        pa.field("breakdown", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("order", pa.int32(), nullable=False),  # position of the group within its breakdown
        pa.field("value", pa.float64()),  # null where no row counts
        pa.field("low", pa.float64()),
        pa.field("high", pa.float64()),
        pa.field("n", pa.int64(), nullable=False),  # users with a row in the group
        pa.field("rows", pa.int64(), nullable=False),  # answers in the group, averaged over runs
        pa.field("confidence", pa.float64(), nullable=False),
        pa.field("covers", pa.string(), nullable=False),  # variation in the interval, `ilora.evaluation.variation`
    ]
)

#: The columns that identify a cell of a sweep.
CELL_COLUMNS = [
    pa.field("sweep", pa.string(), nullable=False),
    pa.field("dataset", pa.string(), nullable=False),
    pa.field("protocol", pa.string(), nullable=False),
    pa.field("backbone", pa.string(), nullable=False),
    pa.field("method", pa.string(), nullable=False),
    pa.field("parameter", pa.string(), nullable=False),
    pa.field("setting", pa.string()),  # null where the method does not read the parameter
    pa.field("variant", pa.string(), nullable=False),
    pa.field("is_reference", pa.bool_(), nullable=False),  # the study's own setting, compared with every other cell
    pa.field("seeds", pa.int32(), nullable=False),
    pa.field("covers", pa.string(), nullable=False),  # variation in the intervals, `ilora.evaluation.variation`
]

#: One row per cell, split and metric: mean over seeds. Comparisons are the reference cell minus, or over, this one.
SWEEP = pa.schema(
    [
        *CELL_COLUMNS,
        pa.field("split", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("sd", pa.float64()),  # standard deviation over seeds (n - 1); null with one run
        pa.field("low", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
        *(
            pa.field(f"{comparison}{end}", pa.float64())  # null in the reference's rows, and where undefined
            for comparison in ("difference", "improvement")  # in the metric's unit; in percent of this row's value
            for end in ("", "_low", "_high")
        ),
        pa.field("n", pa.int64(), nullable=False),  # users
        pa.field("draws", pa.int32(), nullable=False),  # candidate draws per sequence
        pa.field("confidence", pa.float64(), nullable=False),  # coverage of the intervals
    ]
)

#: One row per cell, snapshot and split: mean over seeds of HitRatio@1.
SWEEP_CURVES = pa.schema(
    [
        *CELL_COLUMNS,
        pa.field("step", pa.int64(), nullable=False),
        pa.field("epoch", pa.float64(), nullable=False),  # passes over the training sequences
        pa.field("split", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("low", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
        pa.field("n", pa.int64(), nullable=False),  # users
        pa.field("draws", pa.int32(), nullable=False),  # candidate draws per sequence
        pa.field("confidence", pa.float64(), nullable=False),  # coverage of the interval
    ]
)

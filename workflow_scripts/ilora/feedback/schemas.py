"""The schemas of the simulation."""

import pyarrow as pa

#: Descriptions of the quantities, for readers of the tables.
QUANTITIES = {
    "hit_ratio@1": "share of the visits whose most relevant item is shown at the first position",
    "hit_ratio": "share of the visits whose most relevant item is shown at any position",
    "relevance": "mean probability that a shown item is liked: what clicks would tell without position bias",
    "click_rate": "clicks on each shown item: what the log tells",
    "regret": "expected clicks of a visit, less than those of the oracle, which knows the users",
    "coverage": "share of the items that the method shows at all in the round, random slates left out",
    "gini": "Gini coefficient of how often the method shows each item in the round, random slates left out",
}

#: One row per method, seed and round, for all users and for each group.
OUTCOMES = pa.schema(
    [
        pa.field("method", pa.string(), nullable=False),
        pa.field("seed", pa.int32(), nullable=False),
        pa.field("round", pa.int32(), nullable=False),  # 0 is before any training
        pa.field("group", pa.int32()),  # null for all users; 0 is the first of feedback.group_shares
        pa.field("visits", pa.int32(), nullable=False),
        pa.field("hit_ratio@1", pa.float64(), nullable=False),
        pa.field("hit_ratio", pa.float64(), nullable=False),
        pa.field("relevance", pa.float64(), nullable=False),
        pa.field("click_rate", pa.float64(), nullable=False),
        pa.field("regret", pa.float64(), nullable=False),
        pa.field("coverage", pa.float64()),  # this column and the next: null for a group, or if all slates are random
        pa.field("gini", pa.float64()),
    ]
)

#: A mean over seeds with an interval (Student's t), which is null with a single seed.
SUMMARY = pa.schema(
    [
        pa.field("quantity", pa.string(), nullable=False),  # see QUANTITIES
        pa.field("method", pa.string(), nullable=False),
        pa.field("round", pa.int32(), nullable=False),
        pa.field("group", pa.int32()),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("low", pa.float64()),
        pa.field("high", pa.float64()),
        pa.field("seeds", pa.int32(), nullable=False),
    ]
)

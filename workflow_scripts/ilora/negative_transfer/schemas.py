"""The schemas of the study on synthetic users."""

import pyarrow as pa

_TASK = [
    pa.field("degree", pa.float64(), nullable=False),  # fraction of the items on which the groups' rules differ
    pa.field("group_in_prompt", pa.string(), nullable=False),  # hidden or named
    pa.field("seed", pa.int32(), nullable=False),
]

#: One row per task, method and step.
OUTCOMES = pa.schema(
    [
        *_TASK,
        pa.field("method", pa.string(), nullable=False),
        pa.field("step", pa.int32(), nullable=False),
        pa.field("hit_ratio@1", pa.float64(), nullable=False),  # among all items
        pa.field("test_sequences", pa.int32(), nullable=False),
    ]
)

#: One row per task: gradients of the uniform LoRA early in its training.
SIMILARITIES = pa.schema(
    [
        *_TASK,
        pa.field("similarity", pa.float64(), nullable=False),  # mean cosine between two groups
        pa.field("noise_ceiling", pa.float64(), nullable=False),  # expected cosine between two samples of one group
    ]
)

#: A value with an interval over seeds (Student's t), which is null with a single seed.
SUMMARY = pa.schema(
    [
        pa.field("quantity", pa.string(), nullable=False),  # see `ilora.negative_transfer.summary.QUANTITIES`
        pa.field("group_in_prompt", pa.string(), nullable=False),
        pa.field("degree", pa.float64()),  # null for quantities over all degrees
        pa.field("method", pa.string(), nullable=False),
        pa.field("step", pa.int32()),  # null for the gradients, which have their own step
        pa.field("value", pa.float64()),  # null if undefined
        pa.field("low", pa.float64()),
        pa.field("high", pa.float64()),
        pa.field("seeds", pa.int32(), nullable=False),
    ]
)

"""The Arrow schemas of the analyses' output, free of the libraries that compute it."""

import pyarrow as pa

from ilora.data.splits import SPLITS

#: The cluster of every sequence, row number = sequence_id.
CLUSTERS = pa.schema(
    [
        pa.field("sequence_id", pa.int32(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("cluster", pa.int32(), nullable=False),  # from 0, the largest first
    ]
)

#: A row per cluster.
CLUSTER_PROFILES = pa.schema(
    [
        pa.field("cluster", pa.int32(), nullable=False),
        *(pa.field(f"{split}_sequences", pa.int64(), nullable=False) for split in SPLITS),
        pa.field("train_users", pa.int64(), nullable=False),
        # Means over the sampled sequences of the cluster (null if there are none), and over all sampled sequences.
        pa.field("silhouette", pa.float64(), nullable=True),
        pa.field("silhouette_of_all", pa.float64(), nullable=True),
        pa.field("titles", pa.list_(pa.string()), nullable=False),  # the most typical first
        pa.field("genres", pa.list_(pa.string()), nullable=False),  # likewise; empty where no genre is known
        pa.field("centroid", pa.list_(pa.float64()), nullable=False),
    ]
)

#: The expert weights of sequences: a row per sequence and expert.
GATES = pa.schema(
    [
        pa.field("sequence_id", pa.int32(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("expert", pa.int32(), nullable=False),  # from 0
        pa.field("weight", pa.float64(), nullable=False),  # omega; sums to 1 over the experts of a sequence
    ]
)

#: The use of the experts, with quantities from `ilora.analysis.expert_usage.QUANTITIES`; `expert` is null for
#: quantities over all experts.
EXPERT_USAGE = pa.schema(
    [
        pa.field("quantity", pa.string(), nullable=False),
        pa.field("expert", pa.int32(), nullable=True),  # from 0
        pa.field("value", pa.float64(), nullable=False),
    ]
)

#: Inner products between the blocks of one partition in one module: a row per partition and module.
GRADIENT_GRAMS = pa.schema(
    [
        pa.field("partition", pa.string(), nullable=False),  # see `ilora.analysis.gradient_samples`
        pa.field("step", pa.int64(), nullable=False),  # optimizer steps before the checkpoint
        pa.field("module", pa.string(), nullable=False),
        pa.field("groups", pa.list_(pa.int32()), nullable=False),  # the group of each block
        pa.field("gram", pa.list_(pa.float64()), nullable=False),  # blocks x blocks, row-major
    ]
)

#: Stands for the mean over all kinds of modules.
ALL_KINDS = "all"

#: Cosines between clusters: a row per method, seed, checkpoint, kind of module and ordered pair.
GRADIENT_SIMILARITY = pa.schema(
    [
        pa.field("method", pa.string(), nullable=False),
        pa.field("seed", pa.int32(), nullable=False),
        pa.field("step", pa.int64(), nullable=True),  # null: the mean over the checkpoints
        pa.field("kind", pa.string(), nullable=False),  # of module, such as q_proj; ALL_KINDS for their mean
        pa.field("first", pa.int32(), nullable=False),
        pa.field("second", pa.int32(), nullable=False),
        pa.field("similarity", pa.float64(), nullable=False),  # 1 on the diagonal
        pa.field("noise_ceiling", pa.float64(), nullable=True),  # noise ceiling of the cluster, on the diagonal only
    ]
)

#: Summary of gradient similarity, with quantities from `ilora.analysis.gradient_summary.QUANTITIES`; null where
#: undefined.
GRADIENT_SUMMARY = pa.schema(
    [
        pa.field("method", pa.string(), nullable=False),  # or DIFFERENCE
        pa.field("seed", pa.int32(), nullable=True),  # null: the mean over the seeds
        pa.field("step", pa.int64(), nullable=True),  # null: over all checkpoints
        pa.field("quantity", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=True),
        pa.field("low", pa.float64(), nullable=True),
        pa.field("high", pa.float64(), nullable=True),
        pa.field("confidence", pa.float64(), nullable=False),
        # Number of trainings. With one, the interval covers sequences; with several, it also covers trainings.
        pa.field("trainings", pa.int32(), nullable=False),
    ]
)

#: The method of a row for the difference of two methods, uniform LoRA minus instance-wise LoRA.
DIFFERENCE = "llara-ilora"

#: The pairs of the case study, and the kinds of links between their items.
HIGH, LOW = "high", "low"
IDENTICAL_LINK, SIMILAR_LINK = "identical", "similar"

#: The case study: a row per pair, side and item, oldest first, the target last.
CASE_STUDY = pa.schema(
    [
        pa.field("pair", pa.string(), nullable=False),  # high or low
        pa.field("similarity", pa.float64(), nullable=False),
        pa.field("side", pa.int32(), nullable=False),  # 0 left, 1 right
        pa.field("sequence_id", pa.int32(), nullable=False),
        pa.field("user_id", pa.int32(), nullable=False),
        pa.field("cluster", pa.int32(), nullable=False),
        pa.field("place", pa.int32(), nullable=False),
        pa.field("is_target", pa.bool_(), nullable=False),
        pa.field("item_id", pa.int32(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("genres", pa.list_(pa.string()), nullable=False),
        # For items on the left: position of the linked item on the right, and kind of link.
        pa.field("linked_to", pa.int32(), nullable=True),
        pa.field("link", pa.string(), nullable=True),
    ]
)

"""Settings of a fine-tuning of seconds, from which tests take theirs by `dataclasses.replace`."""

from ilora.llm.adapter import AdapterSettings
from ilora.llm.fine_tuning import FineTuningSettings

SMALL_TUNING = FineTuningSettings(
    seed=1,
    steps=6,
    batch_size=2,
    gradient_accumulation=1,
    length_grouped=False,
    warmup_fraction=0.0,
    learning_rate=0.01,
    projector_learning_rate=0.01,
    gate_learning_rate=0.01,
    curriculum=False,
    precision="float32",
    snapshots=(),
    log_every=10,
    validation_every=None,
    patience=None,
)

#: Instance-wise; with ``experts=None`` it is uniform.
SMALL_ADAPTER = AdapterSettings(
    rank=4,
    alpha=8.0,
    dropout=0.0,
    target_modules=("q_proj", "v_proj"),
    experts=2,
    gate="linear",
    active_experts=None,
    guidance="sequence_representation",
    scale="per_expert_rank",
    item_vectors="raw",
)

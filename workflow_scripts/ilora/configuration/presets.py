"""Named presets of fine-tuning: what the paper says, and what its released code does.

The two also count a hit differently (over all sequences, over valid answers); both definitions are always
computed, under names of their own, so no preset chooses between them. Both order the prompt in the same way;
`prompt` says how.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ilora.datasets.register import DATASETS

PRESETS = ("paper", "released")

_SHARED: dict[str, object] = {
    "r": 8,
    "lora_alpha": 32.0,
    "lora_dropout": 0.1,
    "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    "experts": 4,
    "item_vectors": "raw",
    "projector_learning_rate": None,
    "batch_size": 128,
    "steps": None,
    "epochs": 5.0,
    "warmup_fraction": 0.05,
    "curriculum": True,
}

_RELEASED_GATE_SHARE = 0.3

#: What the released code does and the paper does not say, or says otherwise (the curriculum).
_RELEASED_TRAINING: dict[str, object] = {
    "learning_rate_floor": 0.01,
    "adam_beta2": 0.999,
    "l2": 1e-5,
    "maximum_gradient_norm": None,
    "projector_start": "unscaled",
    "prompt_texts": "sentences",
    "curriculum_counter": "epoch",
    "sequences_per_draw": 8,
    "best_epoch": True,
    "maximum_new_tokens": 64,
}

#: Preset -> data set -> peak learning rate.
LEARNING_RATES: dict[str, dict[str, float]] = {
    preset: {
        name: dataset.published.learning_rates[preset]
        for name, dataset in sorted(DATASETS.items())
        if preset in dataset.published.learning_rates
    }
    for preset in PRESETS
}


def preset_values(preset: str, learning_rate: float) -> Mapping[str, object]:
    """Return the values of `finetuning` that a preset names, at a data set's learning rate.

    ``paper`` follows its Section 3 and Appendix E; ``released`` the training scripts published with it. What
    neither says (how a batch is cut to fit memory, which snapshots are kept), and what only the scripts say under
    ``paper``, is left to the study.

    Raises:
        KeyError: when there is no such preset.
    """
    gates: dict[str, dict[str, object]] = {
        "paper": {"gate": "linear", "scale": "per_rank", "gate_learning_rate": None},
        "released": {
            "gate": "residual_convolution",
            "scale": "per_expert_rank",
            "gate_learning_rate": _RELEASED_GATE_SHARE * learning_rate,
            **_RELEASED_TRAINING,
        },
    }
    return MappingProxyType({**_SHARED, **gates[preset], "learning_rate": learning_rate})

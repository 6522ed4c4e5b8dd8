"""Presets of fine-tuning: the settings of the paper, and those of its released code.

The two also count hits differently (among all sequences, or among valid answers). Both are always computed, under
separate names, so presets do not choose between them. Both have the same order of the prompt, which `prompt` sets.
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

#: Behaviour of the released code that the paper does not describe, or describes differently (the curriculum).
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
    """Return the values of `finetuning` that a preset names, with a data set's learning rate.

    ``paper`` follows Section 3 and Appendix E of the paper, ``released`` the training scripts published with it. The
    study decides what a preset leaves open: for both, how a batch is divided to fit memory and which snapshots are
    saved; for ``paper``, also what only the scripts specify.

    Raises:
        KeyError: there is no such preset.
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

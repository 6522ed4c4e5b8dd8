"""Deviations of iLoRA's gate."""

from collections.abc import Iterator

from ilora.deviations.declaration import Deviation, Settings

#: What each gate is, beside the text's and the released one, and what that changes.
GATES = {
    "linear": (
        "The text's: a linear map, of z standardised over the training split.",
        "Another network than the one behind the printed numbers, unless these were made without the released code. "
        "What the difference makes is not known here.",
    ),
    "top_k": (
        "A linear map, of z standardised over the training split, of which the largest weights alone are kept.",
        "A sequence uses fewer experts than in the paper.",
    ),
    "residual_convolution": (
        "The released code's.",
        "Another network than the text's. What the difference makes is not known here.",
    ),
}
RELEASED_EXPERTS = 4


def gate_deviations(study: Settings) -> Iterator[Deviation]:
    """Yield the deviations of the gate's network and of the number of experts."""
    if not study.is_gated:
        return
    for gate in study.tuned_with("gate"):
        here, effect = GATES[gate]
        yield Deviation(
            "Gate",
            "By its text, softmax of a linear map of z. The released code has a residual network of one-dimensional "
            "convolutions in its place, with shortcuts without parameters (every second place, and channels of zeros), "
            "which reads z as it is (90,772 parameters).",
            here,
            effect,
        )
    if _expert_counts(study) - {RELEASED_EXPERTS}:
        yield Deviation(
            "Number of experts",
            f"By its text, any. The released gate has {RELEASED_EXPERTS} outputs, whatever its settings say.",
            f"As many outputs as experts: {', '.join(map(str, sorted(_expert_counts(study))))}.",
            f"What the paper shows for other numbers than {RELEASED_EXPERTS} (its Fig. 4) cannot come from the "
            "released code as it stands.",
        )


def _expert_counts(study: Settings) -> set[int]:
    swept = [sweep["values"] for sweep in study.settings["sweeps"].values() if sweep["parameter"] == "experts"]
    return {*study.tuned_with("experts"), *(value for values in swept for value in values)}

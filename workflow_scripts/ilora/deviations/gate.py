"""Deviations of iLoRA's gate."""

from collections.abc import Iterator

from ilora.deviations.declaration import Deviation, Settings

#: For each gate: its description, and its effect compared with the text's and the released one.
GATES = {
    "linear": (
        "The text's: a linear map of z, with z standardised over the training split.",
        "The network differs from the one behind the printed numbers, unless these were made without the released "
        "code. The effect of this is unknown.",
    ),
    "top_k": (
        "A linear map of z, with z standardised over the training split; only the largest weights are kept.",
        "A sequence uses fewer experts than in the paper.",
    ),
    "residual_convolution": (
        "The released code's.",
        "The network differs from the text's. The effect of this is unknown.",
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
            "In its text, the softmax of a linear map of z. The released code instead has a residual network of "
            "one-dimensional convolutions with parameter-free shortcuts (every second position, and channels of "
            "zeros), which reads z without standardisation (90,772 parameters).",
            here,
            effect,
        )
    if _expert_counts(study) - {RELEASED_EXPERTS}:
        yield Deviation(
            "Number of experts",
            f"Any, according to its text. The released gate has {RELEASED_EXPERTS} outputs, whatever its settings.",
            f"As many outputs as experts: {', '.join(map(str, sorted(_expert_counts(study))))}.",
            f"The paper's results for numbers other than {RELEASED_EXPERTS} (its Fig. 4) cannot come from the released "
            "code unchanged.",
        )


def _expert_counts(study: Settings) -> set[int]:
    swept = [sweep["values"] for sweep in study.settings["sweeps"].values() if sweep["parameter"] == "experts"]
    return {*study.tuned_with("experts"), *(value for values in swept for value in values)}

"""Whether a cell of our table reproduces the paper's: the rule, in this one place.

A verdict needs a cell measured as the paper's was: on its protocol, with its language model where it has one, and
with hits divided by what it divides by. Then, with the interval of our number and the paper's printed value:

1. The paper's value lies outside of the interval: "not reproduced".
2. It lies inside, but the interval is wider than the gain that the paper claims in this cell: "underpowered".
   The interval then holds both the paper's finding and its absence, so that agreement with it means little. The gain
   is that of iLoRA over the cell's method; in iLoRA's own cell, over the best other method.
3. Otherwise: "reproduced".

The paper prints no intervals, and its values come from as few test users as ours, on another random split. Its own
uncertainty is not part of the rule, so "not reproduced" says that the printed number lies outside of what our users
allow, not that either number is wrong.
"""

import re
from enum import StrEnum

#: Id of the small backbone that the workflow pretrains itself.
EMBEDDED_BACKBONE = "embedded"
#: What follows a backbone's name in its id where its weights are quantized.
QUANTIZATIONS = ("nf4", "int8")


class Verdict(StrEnum):
    """What a cell says of the paper's."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    UNDERPOWERED = "underpowered"
    SMALL_BACKBONE = "not comparable: small backbone"
    OTHER_BACKBONE = "not comparable: other backbone"


def judge(low: float, high: float, paper_value: float, claimed_gain: float) -> Verdict:
    """Return the verdict on a cell that is measured as the paper's was.

    Args:
        low: lower end of our interval.
        high: upper end of it.
        paper_value: what the paper prints.
        claimed_gain: difference of two of its printed values, not negative, in the same unit.
    """
    if not low <= paper_value <= high:
        return Verdict.NOT_REPRODUCED
    return Verdict.UNDERPOWERED if high - low > claimed_gain else Verdict.REPRODUCED


def incomparable_backbone(backbone: str, paper_backbone: str | None) -> Verdict | None:
    """Return why the language model of a cell forbids a verdict; None where it does not.

    Args:
        backbone: id of our language model in artifact paths, such as "meta-llama--Llama-2-7b-hf+float32@main"; "" if
            the method has none. One that is quantized is another than the paper's.
        paper_backbone: name of the paper's, such as "Llama-2-7B"; None if the method has none or none is named.
    """
    name, *loaded = backbone.split("@")[0].split("+")
    if name == EMBEDDED_BACKBONE:
        return Verdict.SMALL_BACKBONE
    model = re.split(r"--|/", name)[-1].removesuffix("-hf")
    is_same = model.lower() == (paper_backbone or "").lower() and not set(loaded) & set(QUANTIZATIONS)
    return None if is_same else Verdict.OTHER_BACKBONE

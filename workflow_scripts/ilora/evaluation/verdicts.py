"""Whether a cell of our table reproduces the paper's: the rule, in this one place.

A verdict needs a cell measured as the paper's was: on its protocol, with its language model where it has one, and
with hits divided by what it divides by. It needs two trainings or more where the method is trained: one says nothing of
where the next, or the same one on another processor, would be, and so the cell says "one training" in place of a
verdict. Then, with the interval of our number, which covers users and trainings, and the paper's printed value:

1. The paper's value lies outside of the interval, and would if the paper's were one training of the same kind, the
   fewest that it can be: "not reproduced". How many it is the mean of is not known: the paper says nothing of its
   language model's, and five of the conventional recommenders' (appendix E), yet no five counts of hits among
   95 users have the mean 0.3750, 0.3861 or 0.3444 that it prints on MovieLens.
2. It lies inside, and the interval is no wider than the gain that the paper claims in this cell: "reproduced". The gain
   is that of iLoRA over the cell's method; in iLoRA's own cell, over the best other method.
3. Otherwise: "underpowered". A wider interval holds both the paper's finding and its absence, so that agreement with
   it means little; and between the two ranges of 1, it depends on how many trainings the paper's value is of.

The paper prints no intervals, and its values come from as few test users as ours, on another random split. What other
users make of its value is not part of the rule, so "not reproduced" says that the printed number lies outside of what
our users and trainings allow, not that either number is wrong.
"""

import math
import re
from dataclasses import dataclass
from enum import StrEnum

from ilora.evaluation.trainings import TrainingSpread
from ilora.evaluation.variation import Variation

#: Id of the small backbone that the workflow pretrains itself.
EMBEDDED_BACKBONE = "embedded"
#: What follows a backbone's name in its id where its weights are quantized.
QUANTIZATIONS = ("nf4", "int8")


class Verdict(StrEnum):
    """What a cell says of the paper's."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    UNDERPOWERED = "underpowered"
    ONE_TRAINING = "one training"
    SMALL_BACKBONE = "not comparable: small backbone"
    OTHER_BACKBONE = "not comparable: other backbone"


@dataclass(frozen=True)
class Cell:
    """A number of ours.

    Attributes:
        value: the mean over the trainings.
        low: lower end of its interval.
        high: upper end of it.
        covers: the variation that the interval covers.
        confidence: of the interval.
        seeds: how many trainings there are; 1 where nothing is trained.
        sd: standard deviation over them; None with one.
    """

    value: float
    low: float
    high: float
    covers: str
    confidence: float
    seeds: int
    sd: float | None

    def holds_one_training(self, value: float) -> bool:
        """Return whether one more training may have this value, as far as the interval and the spread tell."""
        end = self.low if value < self.value else self.high
        return abs(value - self.value) <= math.hypot(end - self.value, self._another_training())

    def _another_training(self) -> float:
        if self.sd is None:
            return 0.0
        return self.sd * float(TrainingSpread(self.sd, self.seeds).quantile(1.0 - self.confidence))


def judge(cell: Cell, paper_value: float, claimed_gain: float) -> Verdict:
    """Return the verdict on a cell that is measured as the paper's was.

    Args:
        cell: ours.
        paper_value: what the paper prints.
        claimed_gain: difference of two of its printed values, not negative, in the same unit.
    """
    if cell.covers == Variation.ONE_TRAINING:
        return Verdict.ONE_TRAINING
    if not cell.holds_one_training(paper_value):
        return Verdict.NOT_REPRODUCED
    is_inside = cell.low <= paper_value <= cell.high
    return Verdict.REPRODUCED if is_inside and cell.high - cell.low <= claimed_gain else Verdict.UNDERPOWERED


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

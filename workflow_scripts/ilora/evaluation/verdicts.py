"""The rule that decides whether a cell of our table reproduces the paper's.

A verdict requires a cell measured as in the paper: on its protocol, with its language model if it uses one, and with
the same denominator of HitRatio@1. A trained method also needs at least two trainings. One training carries no
information about run-to-run variance (another seed, or the same seed on another processor), so its cell shows "one
training" instead of a verdict. The verdict then compares the paper's printed value with the interval of our number,
which covers users and trainings:

1. "not reproduced": the paper's value lies outside the interval, even if it is allowed the extra variation of a single
   training, the fewest that it can stand for. The actual number is unknown: the paper does not state it for its
   language models. For the conventional recommenders it states five (appendix E), but no five counts of hits among
   95 users have the mean 0.3750, 0.3861 or 0.3444 printed for MovieLens.
2. "reproduced": the paper's value lies inside the interval, and the interval is no wider than the gain that the paper
   claims in this cell: the gain of iLoRA over the cell's method or, in iLoRA's own cell, over the best other method.
3. "underpowered": all other cases. An interval wider than the claimed gain contains both the paper's finding and its
   absence, so agreement with it means little. A value between the two bounds of rule 1 can only be judged if the
   number of trainings behind it is known.

The paper reports no intervals, and its values come from as few test users as ours, on another random split. The rule
does not account for the paper's sampling of users: "not reproduced" means that the printed number lies outside the
range that our users and trainings allow, not that either number is wrong.
"""

import math
import re
from dataclasses import dataclass
from enum import StrEnum

from ilora.evaluation.trainings import TrainingSpread
from ilora.evaluation.variation import Variation

#: Id of the small backbone that the workflow pretrains itself.
EMBEDDED_BACKBONE = "embedded"
#: Suffixes of the id of a backbone with quantized weights.
QUANTIZATIONS = ("nf4", "int8")


class Verdict(StrEnum):
    """Result of comparing a cell with the paper's."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    UNDERPOWERED = "underpowered"
    ONE_TRAINING = "one training"
    SMALL_BACKBONE = "not comparable: small backbone"
    OTHER_BACKBONE = "not comparable: other backbone"


@dataclass(frozen=True)
class Cell:
    """One of our measured values.

    Attributes:
        value: mean over the trainings.
        low: lower end of its interval.
        high: upper end of its interval.
        covers: variation that the interval covers.
        confidence: coverage of the interval.
        seeds: number of trainings; 1 where nothing is trained.
        sd: standard deviation over the trainings; None for a single one.
    """

    value: float
    low: float
    high: float
    covers: str
    confidence: float
    seeds: int
    sd: float | None

    def holds_one_training(self, value: float) -> bool:
        """Return whether the interval and the spread over trainings allow a single further training with this value."""
        end = self.low if value < self.value else self.high
        return abs(value - self.value) <= math.hypot(end - self.value, self._another_training())

    def _another_training(self) -> float:
        if self.sd is None:
            return 0.0
        return self.sd * float(TrainingSpread(self.sd, self.seeds).quantile(1.0 - self.confidence))


def judge(cell: Cell, paper_value: float, claimed_gain: float) -> Verdict:
    """Return the verdict on a cell that was measured as in the paper.

    Args:
        cell: our cell.
        paper_value: value printed in the paper.
        claimed_gain: difference between two printed values, not negative, in the same unit.
    """
    if cell.covers == Variation.ONE_TRAINING:
        return Verdict.ONE_TRAINING
    if not cell.holds_one_training(paper_value):
        return Verdict.NOT_REPRODUCED
    is_inside = cell.low <= paper_value <= cell.high
    return Verdict.REPRODUCED if is_inside and cell.high - cell.low <= claimed_gain else Verdict.UNDERPOWERED


def incomparable_backbone(backbone: str, paper_backbone: str | None) -> Verdict | None:
    """Return the verdict "not comparable" if our language model is not the paper's; None if it is.

    Args:
        backbone: id of our language model in artifact paths, such as "meta-llama--Llama-2-7b-hf+float32@main"; "" if
            the method has none. A quantized model counts as different from the paper's.
        paper_backbone: name of the paper's model, such as "Llama-2-7B"; None if the method has none or none is named.
    """
    name, *loaded = backbone.split("@")[0].split("+")
    if name == EMBEDDED_BACKBONE:
        return Verdict.SMALL_BACKBONE
    model = re.split(r"--|/", name)[-1].removesuffix("-hf")
    is_same = model.lower() == (paper_backbone or "").lower() and not set(loaded) & set(QUANTIZATIONS)
    return None if is_same else Verdict.OTHER_BACKBONE

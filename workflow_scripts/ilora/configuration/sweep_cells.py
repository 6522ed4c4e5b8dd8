"""What a sweep consists of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SweepCell:
    """One method at one value of a sweep's parameter, on one data set.

    Attributes:
        dataset: for example "movielens".
        method: the method's id, for example "ilora".
        setting: the parameter's value as text; None where the method does not read the parameter, so that one cell
            stands for all values.
        variant: what paths call the method's settings; "default" for the study's own.
        is_reference: whether it is the cell that the others of its data set are compared with.
    """

    dataset: str
    method: str
    setting: str | None
    variant: str
    is_reference: bool

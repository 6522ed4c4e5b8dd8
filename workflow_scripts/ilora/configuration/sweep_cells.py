"""The cells of a sweep."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SweepCell:
    """One method at one value of a sweep's parameter, on one data set.

    Attributes:
        dataset: name of the data set, for example "movielens".
        method: the method's id, for example "ilora".
        setting: the parameter's value as text; None if the method does not read the parameter, so that one cell
            represents all values.
        variant: name of the settings in paths; "default" for the study's own.
        is_reference: whether the other cells of its data set are compared with this one.
    """

    dataset: str
    method: str
    setting: str | None
    variant: str
    is_reference: bool

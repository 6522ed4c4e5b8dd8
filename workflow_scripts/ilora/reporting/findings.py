"""What the differences between methods show, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ilora.evaluation.schemas import POWER
from ilora.evaluation.variation import Variation
from ilora.plotting.labels import dataset_label, method_label, p_value

UNIFORM_LORA = "llara"

_SPLITS = {"test": "test", "val": "validation", "val_test": "validation and test together"}

#: A row of the schema `ilora.evaluation.schemas.DIFFERENCES`.
Difference = Mapping[str, Any]


def is_demonstrated(difference: Difference) -> bool:
    """Return whether a difference is certain: significant after correction, and not one of a single training."""
    is_significant: bool = difference["p_holm"] <= 1.0 - difference["confidence"]
    return is_significant and difference["covers"] != Variation.ONE_TRAINING


def headline(difference: Difference) -> str:
    """Return a difference as a sentence without numbers, such as "MovieLens: SASRec is ahead of iLoRA."."""
    first, second = method_label(difference["first"]), method_label(difference["second"])
    dataset = dataset_label(difference["dataset"])
    if is_demonstrated(difference):
        ahead, behind = (first, second) if difference["value"] > 0.0 else (second, first)
        return f"{dataset}: {ahead} is ahead of {behind}."
    if difference["covers"] == Variation.ONE_TRAINING:
        return f"{dataset}: no verdict on {first} and {second}, which were trained once."
    return f"{dataset}: no demonstrated difference between {first} and {second}."


def demonstrated(differences: Iterable[Difference]) -> str:
    """Return the certain ones of some differences of one method as a sentence; an empty text if there are none."""
    certain = [row for row in differences if is_demonstrated(row)]
    if not certain:
        return ""
    ahead_of = [method_label(row["second"]) for row in certain if row["value"] > 0.0]
    behind = [method_label(row["second"]) for row in certain if row["value"] <= 0.0]
    parts = [f"ahead of {_listed(ahead_of)}"] if ahead_of else []
    parts += [f"behind {_listed(behind)}"] if behind else []
    return f"{method_label(certain[0]['first'])} is {' and '.join(parts)}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def difference_statement(difference: Mapping[str, Any]) -> str:
    """Return what one row of the DIFFERENCES schema shows, with its interval, tests, users and trainings."""
    from ilora.evaluation.metrics import metric_label  # slow, and declarations are read whenever Snakemake plans

    first, second = method_label(difference["first"]), method_label(difference["second"])
    verdict = "no demonstrated difference"
    if difference["p_holm"] <= 1.0 - difference["confidence"]:
        ahead = first if difference["value"] > 0.0 else second
        with_these = " with these trainings" if difference["covers"] == Variation.ONE_TRAINING else ""
        verdict = f"{ahead} is ahead on these users{with_these}"
    caveat = {
        Variation.USERS: "nothing is trained",
        Variation.ONE_TRAINING: "ONE TRAINING, so variation between trainings is not covered",
        Variation.USERS_AND_TRAININGS: f"over users and {difference['seeds']} trainings",
    }[Variation(difference["covers"])]
    statement = (
        f"{first} minus {second} in {metric_label(difference['metric'])}, "
        f"{_SPLITS[difference['split']]}: {difference['value']:+.3f} "
        f"[{difference['low']:+.3f}, {difference['high']:+.3f}], {verdict} ({p_value(difference['p'])}, "
        f"corrected {p_value(difference['p_holm'])}; {difference['n']} users, {caveat})."
    )
    if difference["minimum_detectable"] is None:
        return statement
    return (
        f"{statement} One test has less than {POWER:.0%} power for true differences below "
        f"{difference['minimum_detectable']:.3f}."
    )

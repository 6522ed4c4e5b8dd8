"""Wording that captions share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ilora.data.protocol_names import RELEASED
from ilora.plotting.paper_reference import has_paper_users

if TYPE_CHECKING:
    from ilora.study.study import Study


#: Ends the caption of a figure whose methods were trained once.
EXPLORATORY = "The figure is exploratory: with one training, differences may be run-to-run variance."


def seeds(study: Study) -> str:
    """Return "seed 1", or "mean of the seeds 1, 2"."""
    return chosen_seeds(study.config.seeds)


def chosen_seeds(seeds: Sequence[int]) -> str:
    """Return the same for some of the seeds."""
    numbers = ", ".join(map(str, seeds))
    return f"seed {numbers}" if len(seeds) == 1 else f"mean of the seeds {numbers}"


def answers(study: Study, capital: bool = False) -> str:
    """Return protocol, seeds and number of candidate sets of the counted answers.

    Args:
        study: the study.
        capital: whether the text begins a sentence.
    """
    draws = study.config.data.draws
    first = "Protocol" if capital else "protocol"
    return f"{first} {study.config.protocol}, {seeds(study)}, {draws} candidate sets for each user"


def covered(study: Study) -> str:
    """Return the variation that intervals cover, such as "users and, where a method is trained, its 3 trainings"."""
    trainings = len(study.config.seeds)
    if trainings == 1:
        return "users, with the one training of each method that is trained"
    return f"users and, where a method is trained, its {trainings} trainings"


def confidence(study: Study) -> str:
    """Return the coverage of the intervals: "95 %"."""
    return f"{100 * study.config.statistics.confidence:.0f} %"


def own_split(study: Study, dataset: str) -> str:
    """Return the name of the study's own split of the users of a data set."""
    if has_paper_users(dataset, study.config.protocol):
        return "the released split"
    if study.config.protocol == RELEASED and dataset in study.config.data.own:
        return "the split that is named"
    return f"the split of seed {study.config.data.split_seed}"

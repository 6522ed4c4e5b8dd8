"""All deviations of a study, by topic."""

from collections.abc import Callable, Iterator

from ilora.deviations.caseq import caseq_deviations
from ilora.deviations.data import data_deviations
from ilora.deviations.declaration import Deviation, Settings
from ilora.deviations.evaluation import evaluation_deviations
from ilora.deviations.gate import gate_deviations
from ilora.deviations.generative import generative_deviations
from ilora.deviations.prompts import prompt_deviations
from ilora.deviations.recommenders import recommender_deviations
from ilora.deviations.training import training_deviations

_TOPICS: tuple[Callable[[Settings], Iterator[Deviation]], ...] = (
    data_deviations,
    evaluation_deviations,
    recommender_deviations,
    caseq_deviations,
    generative_deviations,
    prompt_deviations,
    gate_deviations,
    training_deviations,
)


def deviations_of(study: Settings) -> list[Deviation]:
    """Return the deviations of a study, those of the data first."""
    return [deviation for topic in _TOPICS for deviation in topic(study)]

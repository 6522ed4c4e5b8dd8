"""What a recommender is built and trained with: the sections of the configuration, and what a data set adds to them."""

from ilora.configuration.sections.recommender_values import (
    CaseQSection,
    CaserSection,
    GRU4RecSection,
    RecommenderTraining,
    SASRecSection,
)
from ilora.configuration.types import Count, Probability


class MoRecArchitecture(SASRecSection):
    """SASRec on what items are called (Yuan et al., SIGIR 2023), its text encoder frozen.

    Attributes:
        title_width: size of a title's vector, which a linear map makes an item's embedding of.
    """

    title_width: Count = 1


Architecture = SASRecSection | GRU4RecSection | CaserSection | CaseQSection

ARCHITECTURES: dict[str, type[Architecture]] = {
    "sasrec": SASRecSection,
    "gru4rec": GRU4RecSection,
    "caser": CaserSection,
    "caseq": CaseQSection,
    "caseq_without_kl": CaseQSection,
    "morec": MoRecArchitecture,
}


class TrainingSettings(RecommenderTraining):
    """How a recommender is trained, with the L2 of Adam that the study names or that was searched."""

    weight_decay: Probability = 0.0

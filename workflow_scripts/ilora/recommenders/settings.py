"""Settings of recommenders: sections of the configuration, completed by values that depend on the data set."""

from ilora.configuration.sections.recommender_values import (
    CaseQSection,
    CaserSection,
    GRU4RecSection,
    RecommenderTraining,
    SASRecSection,
)
from ilora.configuration.types import Count, Probability


class MoRecArchitecture(SASRecSection):
    """SASRec with item embeddings from titles (Yuan et al., SIGIR 2023), with a frozen text encoder.

    Attributes:
        title_width: width of a title vector, which a linear map turns into an item embedding.
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
    """Training settings of a recommender, with Adam's L2 from the study or from the search."""

    weight_decay: Probability = 0.0

"""The whole configuration of a study.

Each field's description becomes its comment in `config.yaml` and its description in the JSON schema. Conditions on
several keys are checked in `ilora.configuration.checks`; `ilora.configuration.loading.load_study` checks everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from ilora.configuration.section import Section
from ilora.configuration.sections.analysis import AnalysisSection
from ilora.configuration.sections.backbone import BackboneSection
from ilora.configuration.sections.chat import ChatSection
from ilora.configuration.sections.data import DataSection
from ilora.configuration.sections.decoding import DecodingSection
from ilora.configuration.sections.drift import DriftSection
from ilora.configuration.sections.embedded_backbone import EmbeddedBackboneSection
from ilora.configuration.sections.feedback import FeedbackSection
from ilora.configuration.sections.figures import FiguresSection
from ilora.configuration.sections.finetuning import FinetuningSection
from ilora.configuration.sections.full_ranking import FullRankingSection
from ilora.configuration.sections.generative import GenerativeSection
from ilora.configuration.sections.negative_transfer import NegativeTransferSection
from ilora.configuration.sections.prompt import PromptSection
from ilora.configuration.sections.random_splits import RandomSplitsSection
from ilora.configuration.sections.recommenders import RecommendersSection
from ilora.configuration.sections.resources import ResourcesSection
from ilora.configuration.sections.scarcity import ScarcitySection
from ilora.configuration.sections.statistics import StatisticsSection
from ilora.configuration.sections.sweeps import SweepSection
from ilora.configuration.types import LABEL, DatasetName, Folder, Name, Seed
from ilora.datasets.register import DATASETS
from ilora.methods.register import BASELINES, CHAT_METHODS, GENERATORS, LANGUAGE_MODEL_METHODS, RECOMMENDERS

Protocol = Literal["released", "random_users", "chronological"]
PROTOCOLS: tuple[str, ...] = get_args(Protocol)
#: Former name of a protocol to its current name.
_RENAMED_PROTOCOLS = {"published": "random_users"}
if TYPE_CHECKING:
    # The register defines the ids, which a type checker cannot know.
    Method = str
else:
    Method = Literal[(*BASELINES, *RECOMMENDERS, *GENERATORS, *CHAT_METHODS, *LANGUAGE_MODEL_METHODS)]


def _current_protocol(value: object) -> object:
    """Refuse a protocol by its former name, naming the current one."""
    if isinstance(value, str) and value in _RENAMED_PROTOCOLS:
        expected = f"{_RENAMED_PROTOCOLS[value]}, the new name of {value}"
        raise PydanticCustomError("renamed", expected)
    return value


class StudyConfig(Section):
    """A study: the compared methods, the data sets and all settings. A change reruns whatever depends on it."""

    study: Annotated[str, Field(pattern=LABEL)] = Field("embedded-default", description="name shown in the report")
    results: Folder = Field("results", description="folder of all results")
    datasets: Annotated[tuple[DatasetName, ...], Field(min_length=1)] = Field(
        ("movielens",), description=f"data sets [{', '.join(DATASETS)}, or a name of data.own]"
    )
    protocol: Annotated[Protocol, BeforeValidator(_current_protocol)] = Field(
        "random_users",
        description="released: splits with the users of the released files; random_users: a random split of the users "
        "by the paper's rules; chronological: leave-one-out in real time order",
    )
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = Field(
        (1,), description="seeds; with each, the recommenders are trained and the language model is tuned once"
    )
    methods: Annotated[tuple[Method, ...], Field(min_length=1)] = Field(
        ("popularity", "markov", "gru4rec", "caser", "sasrec", "zero_shot", "llara", "ilora"),
        description="methods to compare, the rows of the table",
    )
    sweeps: dict[Name, SweepSection] = Field(
        default={},
        description="ablations by name, with one figure each, such as {experts: {parameter: experts, values: "
        "[1, 2, 4, 8]}}; see studies/embedded.yaml for more",
    )
    data: DataSection = DataSection()
    recommenders: RecommendersSection = RecommendersSection()
    backbone: BackboneSection = BackboneSection()
    embedded_backbone: EmbeddedBackboneSection = EmbeddedBackboneSection()
    prompt: PromptSection = PromptSection()
    finetuning: FinetuningSection = FinetuningSection()
    decoding: DecodingSection = DecodingSection()
    chat: ChatSection = ChatSection()
    statistics: StatisticsSection = StatisticsSection()
    analysis: AnalysisSection = AnalysisSection()
    figures: FiguresSection = FiguresSection()
    negative_transfer: NegativeTransferSection = NegativeTransferSection()
    feedback: FeedbackSection = FeedbackSection()
    random_splits: RandomSplitsSection = RandomSplitsSection()
    full_ranking: FullRankingSection = FullRankingSection()
    drift: DriftSection = DriftSection()
    scarcity: ScarcitySection = ScarcitySection()
    generative: GenerativeSection = GenerativeSection()
    resources: ResourcesSection = ResourcesSection()

    @property
    def known_datasets(self) -> tuple[str, ...]:
        """The data sets available to the study: the built-in ones and its own."""
        return (*DATASETS, *self.data.own)

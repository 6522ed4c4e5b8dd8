"""What is known of one data set, in one place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ilora.data.acquisition.source import DatasetSource
from ilora.data.protocol_names import RELEASED, kind_of
from ilora.data.raw import RawData
from ilora.data.recipes import Recipe
from ilora.data.splits import UserSplit
from ilora.datasets.wording import PromptWording

#: The source that stands for fetching the raw files.
DOWNLOAD = "download"


class PaperRow(NamedTuple):
    """A method's row in Table 1 of the iLoRA paper: ValidRatio, HitRatio@1, Imp.% (none for iLoRA itself)."""

    valid_ratio: float
    hit_ratio: float
    improvement: float | None


@dataclass(frozen=True)
class Departure:
    """Where our data set is not the paper's.

    Attributes:
        subject: what it is about, without the data set's name.
        paper: what the paper, or what was released with it, has.
        here: what is here; ``{split_seed}`` and the like stand for values of the study's `data`.
        effect: what that changes in the numbers or in what they mean.
        protocols: those that it holds for; none for all.
    """

    subject: str
    paper: str
    here: str
    effect: str
    protocols: tuple[str, ...] = ()


@dataclass(frozen=True)
class PublishedRanking:
    """What others print of a full ranking, leave-one-out in time order.

    Attributes:
        method: as they call it.
        source: who measured it.
        values: by the name of a metric, such as "ndcg@10".
        remark: what a reader must know of it.
    """

    method: str
    source: str
    values: Mapping[str, float]
    remark: str = ""


@dataclass(frozen=True)
class Published:
    """What others print about a data set; but for `full_ranking`, of the protocols `released` and `random_users`.

    Attributes:
        statistics: of `ilora.data.statistics`, by name.
        table1: rows of the paper's Table 1, by method; none where the paper does not have the data set.
        learning_rates: peak learning rate of fine-tuning, by preset.
        four_experts_over_two: by how many percent four experts are above two in the paper's text (Section 4.3.2).
        departures: where ours is another one.
        full_ranking: what others print of rankings of all items.
    """

    statistics: Mapping[str, int] = field(default_factory=dict)
    table1: Mapping[str, PaperRow] = field(default_factory=dict)
    learning_rates: Mapping[str, float] = field(default_factory=dict)
    four_experts_over_two: float | None = None
    departures: tuple[Departure, ...] = ()
    full_ranking: tuple[PublishedRanking, ...] = ()


@dataclass(frozen=True)
class Release:
    """What is known of the files in which others released a data set: what the protocol `released` makes of it.

    Attributes:
        recipe: what they keep of the raw data, how it is numbered and ordered.
        split_users: the split of the users in them; None where it is not known, and users are split at random.
        facts: the files of `ilora.datasets.released` that are read for it.
    """

    recipe: Recipe
    split_users: UserSplit | None = None
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """A data set that a study can take.

    Attributes:
        name: the id in configurations and paths; of a built-in one, the name of its module too.
        label: the name in tables and figures.
        wording: the sentences of its prompts.
        read: gives the raw data of a source: a folder, or one of `bundled`.
        recipe: what a protocol keeps, how items are numbered, how sequences are ordered.
        default_source: where its raw files come from unless a study says otherwise: `DOWNLOAD`, a folder, or one of
            `bundled`.
        options: keys of the study's `data` that its filters read.
        bundled: sources that are already installed, by the name that `read` knows: what each is.
        source: where it is fetched from and on what terms; None for a user's own.
        published: what others print about it.
        release: what the protocol `released` makes of it; None where it cannot be taken by that protocol.

    Raises:
        ValueError: if it is to be fetched and nothing says from where.
    """

    name: str
    label: str
    wording: PromptWording
    read: Callable[[str], RawData]
    recipe: Recipe
    default_source: str = DOWNLOAD
    options: tuple[str, ...] = ()
    bundled: Mapping[str, str] = field(default_factory=dict)
    source: DatasetSource | None = None
    published: Published = Published()
    release: Release | None = None

    def recipe_of(self, protocol: str) -> Recipe:
        """Return how it is prepared for a protocol.

        Raises:
            ValueError: the protocol is `released`, and nothing is known of a release.
        """
        return self._release().recipe if kind_of(protocol) == RELEASED else self.recipe

    def split_of(self, protocol: str) -> UserSplit | None:
        """Return the split of the users that a protocol takes from a release; None where it takes none.

        Raises:
            ValueError: as `recipe_of` raises it.
        """
        return self._release().split_users if kind_of(protocol) == RELEASED else None

    def _release(self) -> Release:
        if self.release is None:
            raise ValueError(
                f"{self.name}: found no released split, expected one for the protocol released. Take random_users or "
                "chronological; a data set of your own names the split of its users in `splits`."
            )
        return self.release

    def __post_init__(self) -> None:
        if self.default_source == DOWNLOAD and self.source is None:
            raise ValueError(
                f"{self.name}: found the default source {DOWNLOAD}, expected a DatasetSource to go with it"
            )

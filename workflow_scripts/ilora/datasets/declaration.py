"""The declaration of a data set: everything that the library knows about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ilora.data.acquisition.source import DatasetSource
from ilora.data.protocol_names import RELEASED, kind_of
from ilora.data.raw import RawData
from ilora.data.recipes import Recipe
from ilora.data.splits import UserSplit
from ilora.datasets.wording import PromptWording

#: The source of raw files that are downloaded.
DOWNLOAD = "download"


class PaperRow(NamedTuple):
    """A method's row in Table 1 of the iLoRA paper: ValidRatio, HitRatio@1, Imp.% (none for iLoRA itself)."""

    valid_ratio: float
    hit_ratio: float
    improvement: float | None


@dataclass(frozen=True)
class Departure:
    """A difference between our data set and the paper's.

    Attributes:
        subject: topic of the difference, without the data set's name.
        paper: what the paper, or the code and files released with it, has.
        here: what we have; ``{split_seed}`` and the like are replaced by values of the study's `data`.
        effect: how that changes the numbers or their meaning.
        protocols: protocols that it applies to; empty for all.
    """

    subject: str
    paper: str
    here: str
    effect: str
    protocols: tuple[str, ...] = ()


@dataclass(frozen=True)
class PublishedRanking:
    """Published results of a full ranking, leave-one-out in time order.

    Attributes:
        method: name of the method in the source.
        source: who measured it.
        values: metric name, such as "ndcg@10", to value.
        remark: caveat for the reader.
    """

    method: str
    source: str
    values: Mapping[str, float]
    remark: str = ""


@dataclass(frozen=True)
class Published:
    """Published numbers about a data set; except `full_ranking`, for the protocols `released` and `random_users`.

    Attributes:
        statistics: statistics of `ilora.data.statistics`, by name.
        table1: rows of the paper's Table 1, by method; empty if the paper does not use the data set.
        learning_rates: peak learning rate of fine-tuning, by preset.
        four_experts_over_two: improvement of four experts over two, in percent, in the paper's text (Section 4.3.2).
        departures: differences between our data set and the paper's.
        full_ranking: published results of full rankings.
    """

    statistics: Mapping[str, int] = field(default_factory=dict)
    table1: Mapping[str, PaperRow] = field(default_factory=dict)
    learning_rates: Mapping[str, float] = field(default_factory=dict)
    four_experts_over_two: float | None = None
    departures: tuple[Departure, ...] = ()
    full_ranking: tuple[PublishedRanking, ...] = ()


@dataclass(frozen=True)
class Release:
    """The data set as others released it, which the protocol `released` rebuilds.

    Attributes:
        recipe: the released filters, numbering and order.
        split_users: the released split of the users; None if it is unknown, so that users are split at random.
        facts: the files of `ilora.datasets.released` that this needs.
    """

    recipe: Recipe
    split_users: UserSplit | None = None
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """A data set that a study can take.

    Attributes:
        name: the id in configurations and paths; for a built-in one, also the name of its module.
        label: the name in tables and figures.
        wording: the sentences of its prompts.
        read: returns the raw data of a source: a folder, or one of `bundled`.
        recipe: filters, numbering of the items and order of the sequences.
        default_source: default source of its raw files: `DOWNLOAD`, a folder, or one of `bundled`.
        options: keys of the study's `data` that its filters read.
        bundled: sources that are already installed, from the name that `read` knows to a description.
        source: where it is downloaded from and on what terms; None for a user's own.
        published: published numbers about it.
        release: the data set as released; None if the protocol `released` does not support it.

    Raises:
        ValueError: the default source is `DOWNLOAD`, but there is no `source`.
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
        """Return the recipe that a protocol uses.

        Raises:
            ValueError: the protocol is `released`, but there is no release.
        """
        return self._release().recipe if kind_of(protocol) == RELEASED else self.recipe

    def split_of(self, protocol: str) -> UserSplit | None:
        """Return the released split of the users if the protocol uses one, else None.

        Raises:
            ValueError: as `recipe_of` raises it.
        """
        return self._release().split_users if kind_of(protocol) == RELEASED else None

    def _release(self) -> Release:
        if self.release is None:
            raise ValueError(
                f"{self.name}: found no released split, expected one for the protocol released. Use random_users or "
                "chronological; your own data set can name the split of its users in `splits`."
            )
        return self.release

    def __post_init__(self) -> None:
        if self.default_source == DOWNLOAD and self.source is None:
            raise ValueError(
                f"{self.name}: the default source is {DOWNLOAD}, but found no `source`, expected a DatasetSource"
            )

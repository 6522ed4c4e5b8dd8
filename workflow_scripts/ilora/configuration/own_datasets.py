"""A user's own data sets, declared in the same way as built-in ones."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from ilora.configuration.sections.own_data import OwnDataset
from ilora.data.filters import keep_core, keep_distinct_pairs, keep_ratings_from
from ilora.data.protocol_names import RELEASED, kind_of
from ilora.data.raw import RawData
from ilora.data.recipes import FilterSettings, Recipe
from ilora.data.splits import UserSplit, split_as_named
from ilora.data.steps import Step
from ilora.data.table_files import TextForm
from ilora.data.tabular import TabularColumns, read_tabular
from ilora.data.user_splits import read_user_splits
from ilora.datasets.declaration import Dataset, Release
from ilora.datasets.loading import load_dataset
from ilora.datasets.wording import word_prompt


def dataset_of_job(name: str, own: Mapping[str, object] | None) -> Dataset:
    """Return a data set from the parameters that a rule passes to its script.

    Args:
        name: name of the data set.
        own: the study's settings of a user's own data set, from `OwnDataset.plain`; None for a built-in one, whose
            module must be part of the rule's code version.

    Raises:
        ValueError: see `load_dataset`.
    """
    return load_dataset(name) if own is None else own_dataset(name, OwnDataset.read(own))


def split_of_job(name: str, own: Mapping[str, object] | None, protocol: str) -> UserSplit | None:
    """Return the split of the users that comes with a data set; for other protocols, None without loading anything.

    Args:
        name: see `dataset_of_job`.
        own: see `dataset_of_job`.
        protocol: name of the protocol.

    Raises:
        ValueError: see `dataset_of_job` and `Dataset.split_of`.
    """
    return dataset_of_job(name, own).split_of(protocol) if kind_of(protocol) == RELEASED else None


def own_dataset(name: str, own: OwnDataset) -> Dataset:
    """Return a data set of `data.own`. Its source is its file of interactions; it uses only its own filters."""
    form = TextForm(own.encoding, own.separator, own.header)

    def read(source: str) -> RawData:
        keys = ("user", "item", "timestamp", "item_id", "title")
        names = {key: str(getattr(own.columns, key)) for key in keys}
        # Ratings are needed only for a minimum.
        rating = None if own.minimum_rating is None else str(own.columns.rating)
        columns = TabularColumns(**names, rating=rating)
        return read_tabular(Path(source), Path(own.items), columns=columns, timestamps=own.timestamps, form=form)

    def filters(settings: FilterSettings) -> list[Step]:
        minima = own.minimum_users_per_item, own.minimum_items_per_user
        core = [keep_core(*minima)] if max(minima) > 1 else []
        return [*keep_ratings_from(own.minimum_rating), keep_distinct_pairs(), *core]

    recipe = Recipe(filters)
    return Dataset(
        name=name,
        label=name,
        wording=word_prompt(**own.words.model_dump()),
        read=read,
        recipe=recipe,
        default_source=own.interactions,
        release=None if own.splits is None else Release(recipe, _named_split(own, own.splits, form)),
    )


def _named_split(own: OwnDataset, path: str, form: TextForm) -> UserSplit:
    """Return the split of users in a file, which is read when users are split."""

    def split(raw_user_ids: Iterable[str]) -> dict[str, str]:
        named = read_user_splits(Path(path), str(own.columns.split_user), str(own.columns.split), form)
        return split_as_named(raw_user_ids, named, path)

    return split

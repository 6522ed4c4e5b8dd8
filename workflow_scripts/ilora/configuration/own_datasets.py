"""A data set of the user's own as the same kind of thing as a built-in one."""

from pathlib import Path

from ilora.configuration.sections.own_data import OwnDataset
from ilora.data.filters import keep_core, keep_distinct_pairs, keep_ratings_from
from ilora.data.raw import RawData
from ilora.data.recipes import FilterSettings, Recipe
from ilora.data.steps import Step
from ilora.data.table_files import TextForm
from ilora.data.tabular import TabularColumns, read_tabular
from ilora.datasets.declaration import Dataset
from ilora.datasets.wording import word_prompt


def own_dataset(name: str, own: OwnDataset) -> Dataset:
    """Return a data set of `data.own`. Its source is its file of interactions; its filters are its own alone."""

    def read(source: str) -> RawData:
        names = {key: str(name) for key, name in own.columns.model_dump().items()}
        rating = names.pop("rating")  # it has to be there for a minimum alone
        columns = TabularColumns(**names, rating=None if own.minimum_rating is None else rating)
        form = TextForm(own.encoding, own.separator, own.header)
        return read_tabular(Path(source), Path(own.items), columns=columns, timestamps=own.timestamps, form=form)

    def filters(settings: FilterSettings) -> list[Step]:
        minima = own.minimum_users_per_item, own.minimum_items_per_user
        core = [keep_core(*minima)] if max(minima) > 1 else []
        return [*keep_ratings_from(own.minimum_rating), keep_distinct_pairs(), *core]

    return Dataset(
        name=name,
        label=name,
        wording=word_prompt(**own.words.model_dump()),
        read=read,
        recipe=Recipe(filters),
        default_source=own.interactions,
    )

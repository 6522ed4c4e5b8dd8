"""Raw files of the data sets, how they are read, and where the tables made of them stand."""

from ilora.configuration.sections.data import DOWNLOAD
from ilora.data.acquisition.catalogue import SOURCES


def raw_source(wildcards):
    """Return where the raw files of a built-in data set lie, as its reader takes it; None for one of the user's own."""
    if wildcards.dataset in STUDY.data.own:
        return None
    source = STUDY.data.sources[wildcards.dataset]
    return f"{RESULTS}/raw/{wildcards.dataset}" if source == DOWNLOAD else source


def raw_files(wildcards):
    """Return a data set's raw files, or their folder. A user's that are missing stop the job, not the planning."""
    own = STUDY.data.own.get(wildcards.dataset)
    if own is not None:
        return [path for path in (own.interactions, own.items) if Path(path).is_file()]
    folder = raw_source(wildcards)
    if STUDY.data.sources[wildcards.dataset] == DOWNLOAD:
        return [f"{folder}/{name}" for name in SOURCES[wildcards.dataset].file_names]
    return [folder] if Path(folder).is_dir() else []


def tables_of(wildcards):
    """Return the files of a user's own data set and how to read them, for `params`; None for a built-in one."""
    own = STUDY.data.own.get(wildcards.dataset)
    if own is None:
        return None
    tables = own.model_dump(include={"interactions", "items", "columns", "timestamps", "encoding"})
    # Without a minimum, no rating has to be there.
    tables["columns"]["rating"] = None if own.minimum_rating is None else own.columns.rating
    return tables


def filters_of(wildcards):
    """Return what the study chooses about filtering a data set, and nothing about another, for `params`."""
    own = STUDY.data.own.get(wildcards.dataset)
    if own is not None:
        return own.model_dump(include={"minimum_rating", "minimum_users_per_item", "minimum_items_per_user"})
    choices = {
        "movielens": {"minimum_rating": STUDY.data.minimum_rating},
        "steam": {"sample_seed": STUDY.data.sample_seed},
    }
    return choices.get(wildcards.dataset, {})


def words_of(wildcards):
    """Return the words of a user's own data set in prompts, for `params`; built-in ones have sentences of their own."""
    own = STUDY.data.own.get(wildcards.dataset)
    return None if own is None else own.words.model_dump()


def data_of_run(name):
    """Return a function that gives the file of this name of the run's data set and protocol."""

    def path(wildcards):
        _, dataset, protocol, *_ = wildcards.run.split("/")
        return f"{RESULTS}/data/{dataset}/{protocol}/{name}"

    return path


def data_files(name):
    """Return the file of this name of every data set of the study."""
    return expand(f"{RESULTS}/data/{{dataset}}/{STUDY.protocol}/{name}", dataset=STUDY.datasets)

"""Raw files of the data sets, how they are read, and where the tables made of them stand."""

from dataclasses import asdict

from ilora.datasets.declaration import DOWNLOAD
from ilora.datasets.loading import module_of
from ilora.datasets.register import DATASETS


def raw_source(wildcards):
    """Return where the raw files of a data set lie, as its reader takes it."""
    source = STUDY.data.sources.get(wildcards.dataset, STUDY.data.dataset(wildcards.dataset).default_source)
    return f"{RESULTS}/raw/{wildcards.dataset}" if source == DOWNLOAD else source


def raw_files(wildcards):
    """Return a data set's raw files, or their folder. A user's that are missing stop the job, not the planning."""
    own = STUDY.data.own.get(wildcards.dataset)
    if own is not None:
        return [path for path in (own.interactions, own.items) if Path(path).is_file()]
    folder = raw_source(wildcards)
    if STUDY.data.sources[wildcards.dataset] == DOWNLOAD:
        return [f"{folder}/{name}" for name in DATASETS[wildcards.dataset].source.file_names]
    return [folder] if Path(folder).is_dir() else []


def own_of(wildcards):
    """Return what the study says of a user's own data set but its words, for `params`; None for a built-in one."""
    own = STUDY.data.own.get(wildcards.dataset)
    return None if own is None else {key: value for key, value in own.plain().items() if key != "words"}


def filters_of(wildcards):
    """Return what the study chooses about filtering a data set, and nothing about another, for `params`."""
    return {name: getattr(STUDY.data, name) for name in STUDY.data.dataset(wildcards.dataset).options}


def wording_of(wildcards):
    """Return the sentences of a data set in prompts, for `params`."""
    return asdict(STUDY.data.dataset(wildcards.dataset).wording)


def version_of_preparation(wildcards):
    """Return the version of the code that prepares a data set: of the built-in ones, its own module alone."""
    modules = (module_of(wildcards.dataset),) if wildcards.dataset in DATASETS else ()
    return code_version("prepare_interactions", *modules)(wildcards)


def data_of_run(name):
    """Return a function that gives the file of this name of the run's data set and protocol."""

    def path(wildcards):
        _, dataset, protocol, *_ = wildcards.run.split("/")
        return f"{RESULTS}/data/{dataset}/{protocol}/{name}"

    return path


def data_files(name):
    """Return the file of this name of every data set of the study."""
    return expand(f"{RESULTS}/data/{{dataset}}/{STUDY.protocol}/{name}", dataset=STUDY.datasets)

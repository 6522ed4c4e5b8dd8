"""The built-in data sets.

When a data set is added, only tables and figures run again: no script that prepares data, trains or answers imports
this module. The script that prepares a data set loads only that data set's module (`ilora.datasets.loading`).
"""

from ilora.datasets import amazon_beauty, amazon_sports, amazon_toys, lastfm, movielens, movielens_1m, steam
from ilora.datasets.declaration import Dataset

_DECLARED = (
    movielens.DATASET,
    lastfm.DATASET,
    steam.DATASET,
    movielens_1m.DATASET,
    amazon_beauty.DATASET,
    amazon_sports.DATASET,
    amazon_toys.DATASET,
)

#: Every built-in data set, by name.
DATASETS = {dataset.name: dataset for dataset in _DECLARED}

#: Data sets of the iLoRA paper (arXiv 2408.10159), in the order of its Table 1.
PAPER_DATASETS = tuple(sorted(name for name, dataset in DATASETS.items() if dataset.published.table1))


def built_in_dataset(name: str) -> Dataset:
    """Return a built-in data set.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in DATASETS:
        raise ValueError(f"There is no built-in data set '{name}'. Available: {', '.join(DATASETS)}.")
    return DATASETS[name]

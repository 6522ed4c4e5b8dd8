"""Published statistics of the data sets, as reference data.

The iLoRA paper (arXiv 2408.10159) prints no statistics: it takes its data sets from LLaRA (arXiv 2312.02445), whose
Table 1 gives sequences (users), items and interactions. The sizes of the splits are those of the split files released
with both; for Steam, of the rows that its loader evaluates: it drops shorter histories, 8 of 1,194 in test. All
belong to the protocols "released" and "random_users". Numbers published for other data sets count all users, items
and interactions, whatever the protocol.

They do not all describe the data that the papers evaluate on. For MovieLens the table has the whole of
MovieLens-100K, 1,682 films and 100,000 ratings, where the split files hold only ratings of at least 3; for LastFM it
has 73,510 interactions, where the recipe that gives its 1,220 users and 4,606 artists leaves 56,794.
"""

from ilora.datasets.register import DATASETS, PAPER_DATASETS
from ilora.plotting.paper_reference import PROTOCOLS


def paper_statistic(dataset: str, protocol: str, statistic: str) -> float | None:
    """Return the published value of a statistic of `ilora.data.statistics`; None if there is none for the protocol."""
    if dataset not in DATASETS or (dataset in PAPER_DATASETS and protocol not in PROTOCOLS):
        return None
    return DATASETS[dataset].published.statistics.get(statistic)

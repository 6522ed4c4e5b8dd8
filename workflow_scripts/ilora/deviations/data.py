"""Deviations of the data: which users are tested, and on which candidates."""

from collections.abc import Iterator

from ilora.data.protocol_names import CHRONOLOGICAL, RANDOM_USERS
from ilora.datasets.register import DATASETS, PAPER_DATASETS
from ilora.deviations.declaration import Declared, Deviation, Settings, those_that_hold
from ilora.plotting.labels import dataset_label

_SPLITS = Declared(
    Deviation(
        "Splits",
        "8:1:1 by user; each validation or test user contributes one sequence, the last.",
        "Leave-one-out in time order: each user's last item is the test target and the one before it the validation "
        "target; the other candidates come from outside the user's whole sequence.",
        "No number is comparable with the paper's. About ten times as many test sequences make the intervals about a "
        "third as wide.",
    ),
    lambda study: study.protocol == CHRONOLOGICAL,
)


_GAPS = Declared(
    Deviation(
        "Items withheld from training",
        "Not in the paper. The protocol is CaseQ's (arXiv 2210.13005), whose code ranks the target among 100 random "
        "items, drawn anew at every evaluation, and reports HitRatio@10, NDCG@10 and the drop between two targets of "
        "one training.",
        "The candidate sets, HitRatio@1 and NDCG@10 of all other tables; that drop, and the drop between trainings "
        "with and without the items on the same targets; only users who are tested at every gap.",
        "No number is comparable with CaseQ's. The second drop is paired, so the targets do not cause it.",
    ),
    lambda study: bool(study.settings["drift"]["gaps"]),
)


def data_deviations(study: Settings) -> Iterator[Deviation]:
    """Yield the deviations of splits, data sets and candidate sets."""
    if study.protocol == RANDOM_USERS:
        yield Deviation(
            "Test users",
            "Those of the released split files, 8:1:1 by user. On MovieLens and LastFM they are not a uniform draw: "
            "the held-out users have fewer items than chance would give them.",
            f"Users drawn at random, 8:1:1, with seed {study.settings['data']['split_seed']}.",
            "The tested users are not the paper's, and they have more items. Chance alone moves a number considerably: "
            "with MovieLens' 95 test users, the 95 % confidence interval around a HitRatio@1 of 0.45 is 0.36 to 0.55.",
        )
    yield from those_that_hold((_SPLITS, _GAPS), study)
    yield from _data_sets(study)
    yield from _candidates(study)


def _data_sets(study: Settings) -> Iterator[Deviation]:
    labels = [dataset_label(dataset) for dataset in PAPER_DATASETS]
    missing = [dataset_label(dataset) for dataset in PAPER_DATASETS if not study.has(dataset)]
    if missing:
        yield Deviation(
            "Data sets",
            f"{', '.join(labels[:-1])} and {labels[-1]}.",
            f"Without {', '.join(missing)}.",
            "The results cover fewer data sets than the paper's claims.",
        )
    for name, dataset in DATASETS.items():
        for found in dataset.published.departures:
            if study.has(name) and (not found.protocols or study.protocol in found.protocols):
                here = found.here.format_map(study.settings["data"])
                yield Deviation(f"{dataset.label}: {found.subject}", found.paper, here, found.effect)


def _candidates(study: Settings) -> Iterator[Deviation]:
    data = study.settings["data"]
    if data["draws"] != 1:
        yield Deviation(
            "Candidate sets of a user",
            "One random set per test sequence.",
            f"{data['draws']} sets per sequence, drawn once and shared by all methods; intervals keep a user's sets "
            "together.",
            "Numbers depend less on which other items were drawn: on random splits of MovieLens, SASRec's HitRatio@1 "
            "varied by 0.04 between single draws.",
        )
    yield Deviation(
        "Size of a candidate set",
        "20 items besides the target according to its appendix; 20 including the target in the released files.",
        f"{data['candidates']} including the target.",
        f"Chance is 1/{data['candidates']}; with one more item it would be 1/{data['candidates'] + 1}.",
    )

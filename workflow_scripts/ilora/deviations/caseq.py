"""Deviations of CaseQ from its own paper and code (arXiv 2210.13005), of which the iLoRA paper has no row."""

from collections.abc import Iterator

from ilora.deviations.declaration import Deviation, Settings

_METHODS = ("caseq", "caseq_without_kl")

_UNITS = {
    "sasrec": "RecBole's Transformer layers of SASRec, with its embeddings",
    "gru": "RecBole's recurrent layers of GRU4Rec, with its embeddings and last layer",
}


def caseq_deviations(study: Settings) -> Iterator[Deviation]:
    """Yield the deviations of CaseQ, where a study compares it or has it as the sequence encoder."""
    has_encoder = study.is_hybrid or study.compares_any_of(("chatrec",))
    is_encoder = has_encoder and study.settings["recommenders"]["sequence_encoder"] in _METHODS
    if is_encoder or study.compares_any_of(_METHODS):
        yield _units(study)
        yield _training(study)
        yield _evaluation()


def _units(study: Settings) -> Deviation:
    recommenders = study.settings["recommenders"]
    caseq = recommenders["caseq"]
    return Deviation(
        "CaseQ: units",
        "Its code: width 50, one head, queries alone layer-normed before attention, embeddings times the root of the "
        "width, for recurrent units positions too. A state for each context, all of which are equal in every layer. "
        "Units of SSE-PT, which it cannot train.",
        f"{_UNITS[caseq['unit']]}; width {recommenders['embedding_size']}. One state, which is exact. No SSE-PT.",
        "With one unit in each layer it is SASRec or GRU4Rec, so the difference from these is that of branching and "
        "objective. With several, it has as many times the weights in its layers.",
    )


def _training(study: Settings) -> Deviation:
    recommenders = study.settings["recommenders"]
    caseq, is_over_all = recommenders["caseq"], recommenders["loss"] == "cross_entropy"
    return Deviation(
        "CaseQ: training",
        "Its code: a loss at every position of a history, binary cross-entropy with one random item; Adam's second "
        "beta 0.98; on MovieLens-100K one step in an epoch. Embeddings of pseudo-sequences without dropout.",
        "Trained like the other recommenders. The loss and, with a weight of "
        f"{caseq['kl_weight']:g}, the divergence of the contexts from the mean over {caseq['pseudo_sequences']} "
        "pseudo-sequences are those of each sequence's last position; pseudo-sequences are read as histories are.",
        "A difference from the others is not one of optimiser or loss. Those of its authors may suit it better"
        + (
            ": beside a cross-entropy over all items, the same weight of the divergence counts for less."
            if is_over_all
            else "."
        ),
    )


def _evaluation() -> Deviation:
    return Deviation(
        "CaseQ: evaluation",
        "Its code: the target against 100 random items, among which it may be again, drawn anew at every evaluation; "
        "the best state by validation without the gap that is tested.",
        "The candidate sets and splits of all other methods.",
        "The numbers that its authors print are not comparable, and none stand beside ours.",
    )

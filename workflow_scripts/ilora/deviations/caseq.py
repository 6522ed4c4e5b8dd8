"""Deviations of CaseQ from its own paper and code (arXiv 2210.13005); the iLoRA paper does not compare it."""

from collections.abc import Iterator

from ilora.deviations.declaration import Deviation, Settings

_METHODS = ("caseq", "caseq_without_kl")

_UNITS = {
    "sasrec": "RecBole's Transformer layers of SASRec, with its embeddings",
    "gru": "RecBole's recurrent layers of GRU4Rec, with its embeddings and output layer",
}


def caseq_deviations(study: Settings) -> Iterator[Deviation]:
    """Yield the deviations of CaseQ, if a study compares it or uses it as the sequence encoder."""
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
        "Its code: width 50; one head; layer normalisation of the queries only, before attention; embeddings "
        "multiplied by the square root of the width; positions for recurrent units as well. It keeps one state per "
        "context, although all of these are equal in every layer. It offers SSE-PT units, which it cannot train.",
        f"{_UNITS[caseq['unit']]}; width {recommenders['embedding_size']}. A single state, which is exact. No SSE-PT.",
        "With one unit per layer, CaseQ is SASRec or GRU4Rec, so a difference from these is due to the branching and "
        "the objective. With several units, its layers have that many times the weights.",
    )


def _training(study: Settings) -> Deviation:
    recommenders = study.settings["recommenders"]
    caseq, is_over_all = recommenders["caseq"], recommenders["loss"] == "cross_entropy"
    return Deviation(
        "CaseQ: training",
        "Its code: a loss at every position of a history, binary cross-entropy with one random item; Adam's beta2 is "
        "0.98; one step per epoch on MovieLens-100K; no dropout on the embeddings of pseudo-sequences.",
        "Trained like the other recommenders. Both terms are computed at the last position of each sequence: the loss "
        f"and, with weight {caseq['kl_weight']:g}, the KL divergence of the contexts from their mean over "
        f"{caseq['pseudo_sequences']} pseudo-sequences. Pseudo-sequences are read like histories.",
        "A difference from the other recommenders is not due to the optimiser or the loss. The authors' own may suit "
        "CaseQ better"
        + (
            ": next to a cross-entropy over all items, the same weight of the divergence counts for less."
            if is_over_all
            else "."
        ),
    )


def _evaluation() -> Deviation:
    return Deviation(
        "CaseQ: evaluation",
        "Its code: the target among 100 random items, which may include it again, drawn anew at every evaluation; the "
        "best state by validation without the tested gap.",
        "The same candidate sets and splits as for all other methods.",
        "The numbers in the CaseQ paper are not comparable with ours, so we do not show them.",
    )

"""Deviations of the generative recommenders from their own papers, of which the iLoRA paper has no row."""

from collections.abc import Iterator

from ilora.deviations.declaration import Deviation, Settings, counted


def generative_deviations(study: Settings) -> Iterator[Deviation]:
    """Yield the deviations of TIGER and CoFiRec."""
    if study.compares_any_of(("tiger",)):
        yield _tiger(study)
    if study.compares_any_of(("cofirec",)):
        yield _cofirec(study)
    if study.compares_any_of(("tiger", "cofirec")):
        yield _generator(study)


def _tiger(study: Settings) -> Deviation:
    tiger = study.settings["generative"]["tiger"]
    quantisers = {
        "rq_vae": f"RQ-VAE on standardised vectors, with AdamW; k-means begins on all items, {_warmup(study)}.",
        "residual_k_means": "k-means on residuals, without a network.",
    }
    return Deviation(
        "TIGER: ids",
        "Sentence-T5 of title, price, brand and category; RQ-VAE (arXiv 2305.05065), whose codebooks k-means begins on "
        "the first batch.",
        f"{study.settings['recommenders']['morec']['encoder']} of the same, as far as a data set has "
        f"them; {quantisers[tiger['quantiser']]}",
        "How ids and so numbers change is not known.",
    )


def _cofirec(study: Settings) -> Deviation:
    cofirec = study.settings["generative"]["cofirec"]
    return Deviation(
        "CoFiRec: ids",
        "One encoder and a codebook for each level, category, title, description and collaborative (arXiv 2511.22707). "
        "Its code was not at hand: sizes, learning rates and what reconstructs a level are not known.",
        f"Levels {', '.join(cofirec['levels'])}, without those that a data set lacks; {cofirec['codebook_size']} codes "
        "each; every level is reconstructed from its own code, texts by a shared decoder and the collaborative level "
        f"by a linear map; k-means begins the codebooks, {_warmup(study)}.",
        "The numbers of this row are those of a reading of the paper, not of its code.",
    )


def _warmup(study: Settings) -> str:
    passes = study.settings["generative"]["quantiser_training"]["warmup_epochs"]
    return f"after {counted(passes, 'epoch')} without codebooks" if passes else "before the network has learnt anything"


def _generator(study: Settings) -> Deviation:
    generator = study.settings["generative"]["generator"]
    return Deviation(
        "Generative recommenders: the T5",
        'TIGER: 4 + 4 layers of width 128, "around 13 million" weights; 200,000 steps. CoFiRec: not said.',
        f"{generator['layers']} + {generator['layers']} layers of width {generator['width']}, at most "
        f"{generator['epochs']} passes, stopped by the validation loss. The widths that TIGER names give 4.8 million "
        "weights with its 2,000 users.",
        "A longer training may do better.",
    )

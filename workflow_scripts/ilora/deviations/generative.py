"""Deviations of the generative recommenders from their own papers; the iLoRA paper does not compare them."""

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
    tiger, encoder = study.settings["generative"]["tiger"], study.settings["recommenders"]["morec"]["encoder"]
    quantisers = {
        "rq_vae": "RQ-VAE on standardised vectors, with AdamW; codebooks are initialised by k-means on all items, "
        f"{_warmup(study)}.",
        "residual_k_means": "k-means on residuals, without a network.",
    }
    return Deviation(
        "TIGER: ids",
        "Sentence-T5 vectors of title, price, brand and category; RQ-VAE (arXiv 2305.05065), with codebooks "
        "initialised by k-means on the first batch.",
        f"Vectors of the same fields, where a data set has them, by {encoder}; {quantisers[tiger['quantiser']]}",
        "The effect on ids, and so on the numbers, is unknown.",
    )


def _cofirec(study: Settings) -> Deviation:
    cofirec = study.settings["generative"]["cofirec"]
    return Deviation(
        "CoFiRec: ids",
        "One encoder, and a codebook for each level: category, title, description and collaborative (arXiv "
        "2511.22707). Its code was not available to us: sizes, learning rates and how a level is reconstructed are "
        "unknown.",
        f"Levels {', '.join(cofirec['levels'])}, without those that a data set lacks; {cofirec['codebook_size']} codes "
        "each; every level is reconstructed from its own code, texts by a shared decoder and the collaborative level "
        f"by a linear map; codebooks are initialised by k-means, {_warmup(study)}.",
        "The numbers of this row follow our reading of the paper, not its code.",
    )


def _warmup(study: Settings) -> str:
    passes = study.settings["generative"]["quantiser_training"]["warmup_epochs"]
    return f"after {counted(passes, 'epoch')} without codebooks" if passes else "before the network is trained"


def _generator(study: Settings) -> Deviation:
    generator = study.settings["generative"]["generator"]
    return Deviation(
        "Generative recommenders: the T5",
        'TIGER: 4 + 4 layers of width 128, "around 13 million" weights; 200,000 steps. CoFiRec: not specified.',
        f"{generator['layers']} + {generator['layers']} layers of width {generator['width']}; at most "
        f"{generator['epochs']} passes, with early stopping on the validation loss. The widths that TIGER names give "
        "4.8 million weights with its 2,000 user tokens.",
        "Longer training may do better.",
    )

"""Train MoRec and its title encoder end to end, and export vectors and predictions like any other recommender."""

from functools import partial
from typing import TYPE_CHECKING

import torch

from ilora.artifacts.provenance import provenance_of
from ilora.configuration.sections.backbone import BackboneSource
from ilora.llm.model.backbones import device, load_encoder, load_tokenizer
from ilora.llm.model.title_vectors import title_tokens
from ilora.progress import start_log
from ilora.recommenders.encoded_titles import EncoderTuning, TitleTokens
from ilora.recommenders.export import export_recommender
from ilora.recommenders.inputs import read_recommender_inputs
from ilora.recommenders.training import (
    model_shape,
    plain_model,
    resolved_settings,
    train_recommender,
    untrained_model_with_encoder,
)

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the model, its item and sequence vectors, its predictions and its training log."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    torch.set_num_threads(snakemake.threads)
    recommender, seed = snakemake.wildcards.recommender, int(snakemake.wildcards.seed)
    files, params, output = snakemake.input, snakemake.params, snakemake.output
    titles, whole = files.title_vectors, files.get("statistics_of_all_users")
    inputs = read_recommender_inputs(files.catalogue, files.sequences, files.candidates, titles, whole)
    assert inputs.title_vectors is not None
    shape = model_shape(
        recommender,
        inputs,
        architecture=params.architecture,
        embedding_size=params.embedding_size,
        maximum_history=params.maximum_history,
    )
    source = BackboneSource.read(params.encoder)
    tokens = TitleTokens(*title_tokens(load_tokenizer(source), inputs.titles))
    tuning = EncoderTuning(**params.encoder_tuning)
    build = partial(untrained_model_with_encoder, shape, inputs.title_vectors, load_encoder(source), tokens, tuning)
    settings = resolved_settings(params.training, files.get("weight_decay"))
    trained, training_log = train_recommender(build, shape, settings, inputs, seed=seed, logger=logger, device=device())
    model, plain_shape = plain_model(trained, shape)

    export_recommender(model, plain_shape, training_log, inputs, recommender, output)
    config = {**dict(params.items()), "training": settings.model_dump(), "seed": seed}
    provenance.record(*output, config=config)


main(snakemake)

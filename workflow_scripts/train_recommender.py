"""Train a RecBole recommender, export its weights and vectors, and score every candidate with it."""

from functools import partial
from typing import TYPE_CHECKING

import torch

from ilora.artifacts.provenance import provenance_of
from ilora.progress import start_log
from ilora.recommenders.export import export_recommender
from ilora.recommenders.inputs import read_recommender_inputs
from ilora.recommenders.training import model_shape, resolved_settings, train_recommender, untrained_model

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
    optional = files.get("title_vectors"), files.get("statistics_of_all_users")
    inputs = read_recommender_inputs(files.catalogue, files.sequences, files.candidates, *optional)
    shape = model_shape(
        recommender,
        inputs,
        architecture=params.architecture,
        embedding_size=params.embedding_size,
        maximum_history=params.maximum_history,
    )
    settings = resolved_settings(params.training, files.get("weight_decay"))
    build = partial(untrained_model, shape, inputs.title_vectors)
    model, training_log = train_recommender(build, shape, settings, inputs, seed=seed, logger=logger)

    export_recommender(model, shape, training_log, inputs, recommender, output)
    config = {**dict(params.items()), "training": settings.model_dump(), "seed": seed}
    provenance.record(*output, config=config)


main(snakemake)

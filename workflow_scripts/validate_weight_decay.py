"""Train a recommender with one value of L2 and measure it on the validation split; test users are left out."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pyarrow.compute as pc
import torch

from ilora.artifacts.parquet import write_table
from ilora.artifacts.provenance import provenance_of
from ilora.progress import start_log
from ilora.recommenders.inputs import read_recommender_inputs
from ilora.recommenders.settings import TrainingSettings
from ilora.recommenders.training import model_shape, train_recommender, untrained_model

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the training log, with one row per validation."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    torch.set_num_threads(snakemake.threads)
    files, params = snakemake.input, snakemake.params
    recommender, seed = snakemake.wildcards.recommender, int(snakemake.wildcards.seed)
    optional = files.get("title_vectors"), files.get("statistics_of_all_users")
    everything = read_recommender_inputs(files.catalogue, files.sequences, files.candidates, *optional)
    sequences = everything.sequences.filter(pc.not_equal(everything.sequences["split"], "test"))
    inputs = replace(everything, sequences=sequences)
    shape = model_shape(
        recommender,
        inputs,
        architecture=params.architecture,
        embedding_size=params.embedding_size,
        maximum_history=params.maximum_history,
    )
    settings = TrainingSettings.read({**params.training, "weight_decay": float(snakemake.wildcards.weight_decay)})
    build = partial(untrained_model, shape, inputs.title_vectors)
    _, training_log = train_recommender(build, shape, settings, inputs, seed=seed, logger=logger)
    path = snakemake.output.training_log
    write_table(training_log, path)
    config = {**dict(params.items()), "training": settings.model_dump(), "seed": seed}
    provenance.record(path, config=config)


main(snakemake)

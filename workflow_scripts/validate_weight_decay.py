"""Trains a recommender with one value of L2, to see how good it is on the validation split; test users are left out."""

from functools import partial
from typing import TYPE_CHECKING

import pyarrow.compute as pc
import torch

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.artifacts.schemas import CANDIDATES, ITEMS, SEQUENCES
from ilora.progress import start_log
from ilora.recommenders.fitting import fit, model_shape, read_titles, untrained_model
from ilora.recommenders.settings import TrainingSettings

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the training log, whose rows are validations."""
    logger = start_log(snakemake.log[0])
    torch.set_num_threads(snakemake.threads)
    wildcards, params = snakemake.wildcards, snakemake.params
    seed = int(wildcards.seed)
    sequences = read_table(snakemake.input.sequences, SEQUENCES)
    titles = read_titles(snakemake.input.get("title_vectors"), snakemake.input.catalogue)
    shape = model_shape(
        wildcards.recommender,
        params.architecture,
        titles,
        embedding_size=params.embedding_size,
        items=read_table(snakemake.input.catalogue, ITEMS).num_rows,
        maximum_history=params.maximum_history,
    )
    training = {**params.training, "weight_decay": float(wildcards.weight_decay)}
    _, training_log = fit(
        partial(untrained_model, shape, titles),
        shape,
        TrainingSettings(**training),
        sequences.filter(pc.not_equal(sequences["split"], "test")),
        read_table(snakemake.input.candidates, CANDIDATES),
        seed=seed,
        logger=logger,
    )
    path = snakemake.output.training_log
    write_table(training_log, path)
    config = {**dict(params.items()), "training": training, "seed": seed}
    write_sidecar(path, config=config, inputs=snakemake.input)


main(snakemake)

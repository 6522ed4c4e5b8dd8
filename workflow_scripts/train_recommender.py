"""Trains a recommender of RecBole; exports its weights and vectors, and scores every candidate with it."""

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import torch

from ilora.artifacts.parquet import read_table
from ilora.artifacts.provenance import write_sidecar
from ilora.artifacts.schemas import CANDIDATES, ITEMS, SEQUENCES
from ilora.progress import start_log
from ilora.recommenders.exported_files import export_recommender
from ilora.recommenders.fitting import fit, model_shape, read_titles, resolved_settings, untrained_model

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the model, its vectors of items and sequences, its predictions and its training log."""
    logger = start_log(snakemake.log[0])
    torch.set_num_threads(snakemake.threads)
    recommender, seed = snakemake.wildcards.recommender, int(snakemake.wildcards.seed)
    params, output = snakemake.params, snakemake.output
    sequences = read_table(snakemake.input.sequences, SEQUENCES)
    candidates = read_table(snakemake.input.candidates, CANDIDATES)
    titles = read_titles(snakemake.input.get("title_vectors"), snakemake.input.catalogue)
    shape = model_shape(
        recommender,
        params.architecture,
        titles,
        embedding_size=params.embedding_size,
        items=read_table(snakemake.input.catalogue, ITEMS).num_rows,
        maximum_history=params.maximum_history,
    )
    settings = resolved_settings(params.training, snakemake.input.get("weight_decay"))
    build = partial(untrained_model, shape, titles)
    model, training_log = fit(build, shape, settings, sequences, candidates, seed=seed, logger=logger)

    export_recommender(model, shape, training_log, sequences, candidates, recommender, output)
    config = {**dict(params.items()), "training": asdict(settings), "seed": seed}
    for path in output:
        write_sidecar(path, config=config, inputs=snakemake.input)


main(snakemake)

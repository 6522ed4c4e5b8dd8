"""Train a recommender on one random split of the users, and measure it on the test users of that split."""

from functools import partial
from typing import TYPE_CHECKING

import torch

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import INTERACTIONS, ITEMS
from ilora.configuration.own_datasets import split_of_job
from ilora.progress import start_log
from ilora.random_splits.hits import split_hits
from ilora.random_splits.splitting import SplitSettings, split_data
from ilora.recommenders.export import recommender_predictions
from ilora.recommenders.inputs import RecommenderInputs
from ilora.recommenders.training import model_shape, resolved_settings, train_recommender, untrained_model

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write HitRatio@1 of one recommender on one split."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    torch.set_num_threads(snakemake.threads)
    wildcards, params, files = snakemake.wildcards, snakemake.params, snakemake.input
    dataset, protocol, users, recommender = (
        getattr(wildcards, key) for key in ("dataset", "protocol", "users", "recommender")
    )
    seed = int(wildcards.seed)
    interactions, items = read_table(files.interactions, INTERACTIONS), read_table(files.catalogue, ITEMS)
    sequences, candidates = split_data(
        interactions,
        protocol,
        users,
        SplitSettings(**params.settings),
        number_of_items=items.num_rows,
        released_split=split_of_job(dataset, params.own, protocol),
    )
    inputs = RecommenderInputs(tuple(items["title"].to_pylist()), sequences, candidates, title_vectors=None)
    shape = model_shape(
        recommender,
        inputs,
        architecture=params.architecture,
        embedding_size=params.embedding_size,
        maximum_history=params.settings["maximum_history"],
    )
    settings = resolved_settings(params.training, files.get("weight_decay"))
    build = partial(untrained_model, shape, None)
    model, _ = train_recommender(build, shape, settings, inputs, seed=seed, logger=logger)

    hits = split_hits(dataset, protocol, users, recommender_predictions(model, shape, inputs, recommender))
    write_table(hits, snakemake.output.hits)
    provenance.record(snakemake.output.hits, config={**dict(params.items()), "seed": seed})
    logger.info("%s: %s", users, hits["hit_ratio@1"][0])


main(snakemake)

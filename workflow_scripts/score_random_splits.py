"""Score the candidates of every random split of the users by item popularity or a first-order Markov chain."""

from typing import TYPE_CHECKING

import pyarrow as pa

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import INTERACTIONS, ITEMS
from ilora.baselines.scorers import SCORERS
from ilora.configuration.own_datasets import split_of_job
from ilora.predictions.building import scored_predictions
from ilora.progress import start_log
from ilora.random_splits.hits import SPLIT_HITS, split_hits
from ilora.random_splits.splitting import SplitSettings, split_data

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write HitRatio@1 of one baseline on each split."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    dataset, protocol, baseline = (getattr(snakemake.wildcards, key) for key in ("dataset", "protocol", "baseline"))
    params = snakemake.params
    interactions = read_table(snakemake.input.interactions, INTERACTIONS)
    items = read_table(snakemake.input.catalogue, ITEMS).num_rows
    split = split_of_job(dataset, params.own, protocol)
    rows = []
    for users in params.users:
        sequences, candidates = split_data(
            interactions,
            protocol,
            users,
            SplitSettings(**params.settings),
            number_of_items=items,
            released_split=split,
        )
        scores = SCORERS[baseline](sequences, candidates, items)
        rows.append(split_hits(dataset, protocol, users, scored_predictions(sequences, candidates, scores, baseline)))
        logger.info("%s: %s", users, rows[-1]["hit_ratio@1"][0])
    write_table(pa.concat_tables(rows).cast(SPLIT_HITS), snakemake.output.hits)
    provenance.record(snakemake.output.hits)


main(snakemake)

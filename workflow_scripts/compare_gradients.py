"""Compare gradients between clusters, for uniform and for instance-wise LoRA."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ilora.analysis.cluster_order import centroid_distances
from ilora.analysis.gradient_averages import similarity_table, step_of
from ilora.analysis.gradient_summary import Intervals, summary_table
from ilora.analysis.schemas import CLUSTER_PROFILES, GRADIENT_GRAMS
from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.layout import parse_run
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `gradient_similarity.parquet` and `gradient_summary.parquet`."""
    start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    runs: dict[tuple[str, int], list[pa.Table]] = {}
    for path in snakemake.input.grams:
        run = parse_run(Path(path).parents[1])
        runs.setdefault((run.method, run.seed), []).append(read_table(path, GRADIENT_GRAMS))
    for tables in runs.values():
        tables.sort(key=step_of)
    distances = {}
    for path in snakemake.input.profiles:
        centroids = np.array(read_table(path, CLUSTER_PROFILES)["centroid"].to_pylist())
        distances[parse_seed(path)] = centroid_distances(centroids)

    intervals = Intervals(**snakemake.params.intervals)
    similarities = [similarity_table(*run, tables) for run, tables in runs.items()]
    write_table(pa.concat_tables(similarities), snakemake.output.similarity)
    write_table(summary_table(runs, distances, intervals), snakemake.output.summary)
    provenance.record(*snakemake.output)


def parse_seed(path: str) -> int:
    """Return the seed of a path that ends in seed~N/FILE."""
    return int(Path(path).parent.name.removeprefix("seed~"))


main(snakemake)

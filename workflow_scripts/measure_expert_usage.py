"""Measure how one gate uses its experts over the test set."""

from typing import TYPE_CHECKING

from ilora.analysis.expert_usage import measure_expert_usage
from ilora.analysis.schemas import CLUSTERS, GATES
from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `expert_usage.parquet`."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    gates, clusters = read_table(snakemake.input.gates, GATES), read_table(snakemake.input.clusters, CLUSTERS)
    usage = measure_expert_usage(gates, clusters, "test", snakemake.params.seed)
    values = {row["quantity"]: row["value"] for row in usage.to_pylist() if row["expert"] is None}
    logger.info("%s", values)
    if values["collapsed"]:
        logger.warning("the gate has collapsed: fewer than half of the experts carry the load of the test set")
    write_table(usage, snakemake.output.usage)
    provenance.record(snakemake.output.usage)


main(snakemake)

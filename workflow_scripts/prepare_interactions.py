"""Reads a raw data set and keeps, numbers and orders what the protocol keeps."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.data.protocols import preparation
from ilora.data.readers import read_raw
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `interactions.parquet` and `items.parquet`."""
    start_log(snakemake.log[0])
    dataset, protocol = snakemake.wildcards.dataset, snakemake.wildcards.protocol
    source, minimum_rating = snakemake.params.source, snakemake.params.minimum_rating
    prepare = preparation(dataset, protocol)
    interactions, items = prepare(read_raw(dataset, source), minimum_rating=minimum_rating)
    write_table(items, snakemake.output.catalogue)
    write_table(interactions, snakemake.output.interactions)
    config = {"source": source, "minimum_rating": minimum_rating}
    for path in snakemake.output:
        write_sidecar(path, config=config, inputs=snakemake.input)


main(snakemake)

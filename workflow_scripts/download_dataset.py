"""Fetches the raw files of a published data set, verified."""

from pathlib import Path
from typing import TYPE_CHECKING

from ilora.artifacts.provenance import write_sidecar
from ilora.data.acquisition.acquire import acquire_dataset
from ilora.data.acquisition.catalogue import source_of
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the raw files, under the names that the data set's reader knows."""
    logger = start_log(snakemake.log[0])
    source = source_of(snakemake.params.dataset)
    folder = Path(snakemake.output[0]).parent
    paths = acquire_dataset(source, folder, lock=snakemake.params.lock, logger=logger)
    config = {"dataset": snakemake.params.dataset, "addresses": [wanted.address for wanted in source.downloads]}
    for path in paths:
        write_sidecar(path, config=config)


main(snakemake)

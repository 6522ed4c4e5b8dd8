"""Download and verify the raw files of a published data set."""

from pathlib import Path
from typing import TYPE_CHECKING

from ilora.artifacts.provenance import provenance_of
from ilora.data.acquisition.acquire import acquire_dataset
from ilora.datasets.loading import load_dataset
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the raw files under the names that the data set's reader expects."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    source = load_dataset(snakemake.params.dataset).source
    assert source is not None  # the rule exists only for data sets with a source
    folder = Path(snakemake.output[0]).parent
    paths = acquire_dataset(source, folder, lock=snakemake.params.lock, logger=logger)
    config = {"addresses": [wanted.address for wanted in source.downloads]}
    provenance.record(*paths, config=config)


main(snakemake)

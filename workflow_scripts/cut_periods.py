"""Compute when the periods of the protocol `rolling` begin, and count the interactions in each."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import write_table
from ilora.artifacts.provenance import provenance_of
from ilora.configuration.own_datasets import dataset_of_job
from ilora.data.acquisition.raw_folder import check_raw_folder
from ilora.data.periods import cut_periods
from ilora.data.recipes import FilterSettings
from ilora.data.titles import check_titles
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the table of the periods of one data set."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    name, params = snakemake.wildcards.dataset, snakemake.params
    dataset = dataset_of_job(name, params.own)
    if dataset.source is not None and params.source not in dataset.bundled:
        check_raw_folder(name, dataset.source, params.source)
    table = cut_periods(
        check_titles(dataset.read(params.source)),
        dataset.recipe,
        FilterSettings(**params.filters),
        periods=int(snakemake.wildcards.periods),
        first_training=params.first_training,
    )
    write_table(table, snakemake.output.periods)
    provenance.record(snakemake.output.periods)
    for row in table.to_pylist():
        logger.info("period %(period)d from %(begins)d: %(interactions)d interactions, %(of_known_items)d known", row)


main(snakemake)

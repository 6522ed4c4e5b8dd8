"""Read a raw data set, and filter, number and order it according to the protocol."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import write_table
from ilora.artifacts.provenance import provenance_of
from ilora.configuration.own_datasets import dataset_of_job
from ilora.data.acquisition.raw_folder import check_raw_folder
from ilora.data.periods import read_beginnings
from ilora.data.protocols import prepare
from ilora.data.recipes import FilterSettings
from ilora.data.steps import steps_table
from ilora.data.titles import check_titles
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `interactions.parquet`, `items.parquet` and `preparation_steps.parquet`."""
    start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    name, protocol, params = snakemake.wildcards.dataset, snakemake.wildcards.protocol, snakemake.params
    dataset = dataset_of_job(name, params.own)
    if dataset.source is not None and params.source not in dataset.bundled:
        check_raw_folder(name, dataset.source, params.source)
    raw = check_titles(dataset.read(params.source))
    begins = read_beginnings(snakemake.input.get("periods"))
    prepared = prepare(raw, dataset.recipe_of(protocol), protocol, FilterSettings(**params.filters), begins)
    write_table(prepared.items, snakemake.output.catalogue)
    write_table(prepared.interactions, snakemake.output.interactions)
    write_table(steps_table(prepared.steps), snakemake.output.steps)
    provenance.record(*snakemake.output)


main(snakemake)

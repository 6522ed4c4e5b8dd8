"""Reads a raw data set and keeps, numbers and orders what the protocol keeps."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ilora.artifacts.parquet import write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.data.acquisition.raw_folder import check_raw_folder
from ilora.data.movielens import RECBOLE_SOURCE
from ilora.data.protocols import prepare
from ilora.data.raw import RawData
from ilora.data.readers import read_raw
from ilora.data.recipes import FilterSettings
from ilora.data.steps import steps_table
from ilora.data.tabular import TabularColumns, read_tabular
from ilora.data.titles import check_titles
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `interactions.parquet`, `items.parquet` and `preparation_steps.parquet`."""
    start_log(snakemake.log[0])
    dataset, params = snakemake.wildcards.dataset, snakemake.params
    raw = read_raw_data(dataset, params.source) if params.tables is None else read_tables(params.tables)
    settings = FilterSettings(**params.filters)
    prepared = prepare(check_titles(raw), dataset, snakemake.wildcards.protocol, settings)
    write_table(prepared.items, snakemake.output.catalogue)
    write_table(prepared.interactions, snakemake.output.interactions)
    write_table(steps_table(prepared.steps), snakemake.output.steps)
    config = {"source": params.source, "tables": params.tables, "filters": params.filters}
    for path in snakemake.output:
        write_sidecar(path, config=config, inputs=snakemake.input)


def read_raw_data(dataset: str, source: str) -> RawData:
    """Read a built-in data set."""
    if source != RECBOLE_SOURCE:
        check_raw_folder(dataset, source)
    return read_raw(dataset, source)


def read_tables(tables: dict[str, Any]) -> RawData:
    """Read a data set of the user's own."""
    return read_tabular(
        Path(tables["interactions"]),
        Path(tables["items"]),
        columns=TabularColumns(**tables["columns"]),
        timestamps=tables["timestamps"],
        encoding=tables["encoding"],
    )


main(snakemake)

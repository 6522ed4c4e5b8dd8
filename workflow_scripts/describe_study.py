"""Describe the study: its resolved settings, and the software and machines that made its artifacts."""

from typing import TYPE_CHECKING

from ilora.artifacts.writing import atomic_path
from ilora.plotting.html_page import html_page, section
from ilora.plotting.labels import dataset_label
from ilora.progress import start_log
from ilora.reporting.provenance import provenance_table, read_records
from ilora.reporting.settings import settings_by_dataset, settings_table
from ilora.reporting.weight_decays import read_search, weight_decay_table

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake

NOTES = (
    "Code, software and machines are those that the record beside each artifact names; an artifact that was made "
    "again by another version or on another machine shows in a row of its own.",
)


def main(snakemake: "Snakemake") -> None:
    """Write `study.html`."""
    logger = start_log(snakemake.log[0])
    params = snakemake.params
    records = read_records(snakemake.input)
    labels = {dataset: dataset_label(dataset) for dataset in params.finetuning}
    searches = [read_search(path) for path in snakemake.input.weight_decays]
    body = [
        section("Code, software and machines", provenance_table(records)),
        section("Settings", settings_table(params.settings, params.defaults)),
        section("Fine-tuning as resolved for each data set", settings_by_dataset(params.finetuning, labels)),
    ]
    if searches:
        body.append(section("L2 of the recommenders, searched on validation", weight_decay_table(searches)))
    with atomic_path(snakemake.output.html) as temporary:
        temporary.write_text(html_page(f"The study {params.settings['study']}", "".join(body), NOTES), encoding="utf-8")
    logger.info("%d records", len(records))


main(snakemake)

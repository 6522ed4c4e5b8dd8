"""Describe where the study departs from the paper, and what that changes."""

from typing import TYPE_CHECKING

from ilora.artifacts.writing import atomic_path
from ilora.plotting.html_page import html_page
from ilora.progress import start_log
from ilora.reporting.deviations import Study, deviation_table
from ilora.reporting.weight_decays import read_search

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake

NOTES = (
    "The paper: arXiv 2408.10159, and where its text leaves something open, the code and the split files released with "
    "it. Chosen by the study's settings; what is not listed follows the paper, as far as is known.",
)


def main(snakemake: "Snakemake") -> None:
    """Write `deviations.html`."""
    start_log(snakemake.log[0])
    params = snakemake.params
    searches = [read_search(path) for path in snakemake.input.weight_decays]
    table = deviation_table(Study(params.settings, params.finetuning, params.paper_finetuning, searches))
    with atomic_path(snakemake.output.html) as temporary:
        temporary.write_text(html_page("Known deviations from the paper", table, NOTES), encoding="utf-8")


main(snakemake)

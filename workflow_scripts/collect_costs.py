"""Collect time and memory of the study's jobs, and the costs of its chat models."""

from typing import TYPE_CHECKING

from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.writing import atomic_path
from ilora.layout import Run
from ilora.plotting.html_page import html_page, section
from ilora.progress import start_log
from ilora.reporting.chat_costs import chat_cost_table, read_chat_cost
from ilora.reporting.costs import cost_table, read_job_cost

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake

_LEAD = "What the study cost: time, memory and GPU-hours of each rule's jobs, and what its chat models were paid."

NOTES = (
    "Measured by Snakemake (benchmark files). Time is wall-clock time, summed over the rule's jobs, which may have run "
    "in parallel; processor time is over all cores. Peak memory is the largest resident set of one job. Processor time "
    "and memory are sampled, so very short jobs show little of them.",
    "A repeated job counts with its last run only: failed attempts, and a training before it was interrupted and "
    "resumed, are not included.",
    "GPU-hours: time of a job times its number of requested GPUs.",
)


CHAT_NOTE = (
    "Chat models: cost of this study's answers when they were requested, by the server's token counts and the study's "
    "prices; a rerun with the same results does not pay again. An attempt whose answer never arrived counts with its "
    "maximum cost."
)


def main(snakemake: "Snakemake") -> None:
    """Write `costs.html`."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    costs = [read_job_cost(*job) for job in snakemake.params.jobs]
    body, notes = cost_table(costs), list(NOTES)
    chat = [read_chat_cost(path) for path in snakemake.params.chat]
    not_run = [Run(*labels) for labels in snakemake.params.without_key]
    if chat or not_run:
        body += section("Chat models", chat_cost_table(chat, not_run))
        notes.append(CHAT_NOTE)
    with atomic_path(snakemake.output.html) as temporary:
        temporary.write_text(html_page("Time and memory", _LEAD, body, notes), encoding="utf-8")
    provenance.record(snakemake.output.html)
    logger.info("%d jobs", len(costs))


main(snakemake)

"""Collect what the jobs of the study took in time and memory, and what its chat models cost."""

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
    "Measured by Snakemake (its benchmark files). Time is a job's from its start to its end, summed over the rule's "
    "jobs, which may have run side by side; processor time is over all cores. Peak memory is the largest resident set "
    "of one job. Both are sampled, so that a job which is over at once shows little of them.",
    "A job that was repeated counts as it last ran: the time of an attempt that failed, or of a training before it was "
    "interrupted and resumed, is not in it.",
    "GPU-hours: a job's time times the GPUs that it asked for.",
)


CHAT_NOTE = (
    "Chat models: what the answers of this study cost when they were asked, by the tokens that the server counted and "
    "the study's prices; a rerun with the same results pays for none of them again. An attempt whose answer never "
    "arrived counts at the most that it can have cost."
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

"""Estimate the memory and time of a fine-tuning before it is submitted."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.writing import atomic_path
from ilora.configuration.tuning import TuningSettings
from ilora.llm.model.inputs import read_method_inputs
from ilora.llm.training.tuning_plan import describe_plan, plan_tuning, too_large
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write and log the plan."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    params, files = snakemake.params, snakemake.input
    inputs = read_method_inputs(files.catalogue, files.sequences)
    settings = TuningSettings.read(params.tuning)
    plan = plan_tuning(settings, inputs, params.embedding_size, params.processes, params.sharded)
    for line in describe_plan(plan):
        logger.info("%s", line)
    if params.gpu_memory_gb is not None and plan.gigabytes > params.gpu_memory_gb:
        raise too_large(plan, params.gpu_memory_gb)
    with atomic_path(snakemake.output.plan) as temporary:
        temporary.write_text(json.dumps(asdict(plan), indent=2) + "\n", encoding="utf-8")
    provenance.record(snakemake.output.plan)


main(snakemake)

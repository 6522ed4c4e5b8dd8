"""Simulate recommend, click and retrain for a language model with LoRA and one with iLoRA."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ilora.artifacts.parquet import write_table
from ilora.artifacts.provenance import provenance_of
from ilora.configuration.sections.backbone import BackboneSource
from ilora.configuration.sections.feedback import FeedbackSection
from ilora.configuration.sections.negative_transfer import NegativeTransferSection
from ilora.feedback.adapters import AdapterPolicy
from ilora.feedback.configured import display, simulated_users, tuning_of_adapters
from ilora.feedback.outcomes import measure_policies
from ilora.llm.model.backbones import load_causal_model
from ilora.negative_transfer.methods import METHODS, AdapterShape
from ilora.negative_transfer.tuning import Task
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the outcomes of both in each round."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    torch.set_num_threads(snakemake.threads)
    params, seed = snakemake.params, int(snakemake.wildcards.seed)
    section = FeedbackSection.read(params.feedback)
    synthetic = NegativeTransferSection.read(params.synthetic)
    users = simulated_users(section, synthetic, seed)
    backbone = load_causal_model(BackboneSource(name=str(Path(snakemake.input.model).parent)))
    shape = AdapterShape(synthetic.r, synthetic.lora_alpha, synthetic.groups)
    task, settings = Task(users.rules, section.group_in_prompt), tuning_of_adapters(section, seed)
    policies = {
        name: AdapterPolicy(backbone, task, METHODS[name], shape, settings) for name in ("uniform", "instance_wise")
    }
    outcomes = measure_policies(users, policies, display(section), section.rounds, logger)
    write_table(outcomes, snakemake.output.outcomes)
    provenance.record(snakemake.output.outcomes, config={**dict(params.items()), "seed": seed})


main(snakemake)

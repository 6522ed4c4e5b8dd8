"""Tune every method on synthetic users, at one degree of contradiction between their groups."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ilora.artifacts.parquet import write_table
from ilora.artifacts.provenance import provenance_of
from ilora.configuration.sections.backbone import BackboneSource
from ilora.configuration.sections.negative_transfer import NegativeTransferSection
from ilora.llm.model.backbones import load_causal_model
from ilora.negative_transfer.gradients import GradientSettings
from ilora.negative_transfer.groups import SyntheticGroups
from ilora.negative_transfer.methods import AdapterShape
from ilora.negative_transfer.outcomes import measure_outcomes
from ilora.negative_transfer.tuning import SyntheticTuning
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the outcomes of every method, and the similarity of the groups' gradients."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    torch.set_num_threads(snakemake.threads)
    section = NegativeTransferSection.read(snakemake.params.negative_transfer)
    seed = int(snakemake.wildcards.seed)
    folder = str(Path(snakemake.input.model).parent)
    source = BackboneSource(name=folder)
    backbone = load_causal_model(source)
    users = SyntheticGroups(section.items, section.groups, float(snakemake.wildcards.degree), seed)
    settings = SyntheticTuning(
        shape=AdapterShape(section.r, section.lora_alpha, section.groups),
        history=section.history,
        steps=section.steps,
        batch_size=section.batch_size,
        learning_rate=section.learning_rate,
        test_sequences=section.test_sequences,
        seed=seed,
    )
    outcomes, similarities = measure_outcomes(backbone, users, settings, GradientSettings(), logger)
    write_table(outcomes, snakemake.output.outcomes)
    write_table(similarities, snakemake.output.similarities)
    provenance.record(*snakemake.output, config=section.model_dump(mode="json"))


main(snakemake)

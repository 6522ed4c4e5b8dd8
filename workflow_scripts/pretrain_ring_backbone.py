"""Pretrain the small Llama that is tuned on synthetic users."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ilora.artifacts.parquet import write_table
from ilora.artifacts.provenance import provenance_of
from ilora.configuration.sections.negative_transfer import NegativeTransferSection
from ilora.llm.training.loop import training_log_table
from ilora.negative_transfer.backbone import RingBackboneSettings, pretrain_ring_backbone, save_ring_backbone
from ilora.negative_transfer.vocabulary import Vocabulary
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the model's files and the training log."""
    start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    torch.set_num_threads(snakemake.threads)
    section = NegativeTransferSection.read(snakemake.params.negative_transfer)
    settings = RingBackboneSettings(
        vocabulary=Vocabulary(section.items, section.groups),
        history=section.history,
        seed=section.backbone_seed,
        steps=section.pretraining_steps,
    )
    model, log = pretrain_ring_backbone(settings)
    folder = Path(snakemake.output.model).parent
    save_ring_backbone(model, folder)
    write_table(training_log_table(log), snakemake.output.log)
    provenance.record(folder, config=asdict(settings))


main(snakemake)

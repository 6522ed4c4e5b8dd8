"""Pretrains the small Llama that is tuned on synthetic users."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ilora.artifacts.parquet import write_table
from ilora.artifacts.provenance import write_sidecar
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
    torch.set_num_threads(snakemake.threads)
    config = snakemake.params.config
    settings = RingBackboneSettings(
        vocabulary=Vocabulary(config["items"], config["groups"]),
        history=config["history"],
        seed=config["backbone_seed"],
        steps=config["pretraining_steps"],
    )
    model, log = pretrain_ring_backbone(settings)
    folder = Path(snakemake.output.model).parent
    save_ring_backbone(model, folder)
    write_table(training_log_table(log), snakemake.output.log)
    write_sidecar(folder, config=config, inputs=snakemake.input)


main(snakemake)

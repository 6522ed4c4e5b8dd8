"""Builds the embedded backbone and pretrains it on the training split."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.artifacts.schemas import ITEMS, SEQUENCES
from ilora.backbone.architecture import BackboneShape
from ilora.backbone.pretraining import PretrainingSettings, pretrain
from ilora.backbone.tokenizer import train_tokenizer
from ilora.configuration.sections.prompt import PromptSection
from ilora.data.trajectories import training_trajectories
from ilora.datasets.wording import PromptWording
from ilora.llm.prompts.builder import PromptBuilder, prompt_style
from ilora.llm.training.loop import training_log_table
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the backbone's files, its projector and the training log."""
    start_log(snakemake.log[0])
    torch.set_num_threads(snakemake.threads)
    config = snakemake.params.config
    titles = read_table(snakemake.input.catalogue, ITEMS)["title"].to_pylist()
    trajectories = training_trajectories(read_table(snakemake.input.sequences, SEQUENCES))
    items = sorted({item for trajectory in trajectories for item in trajectory})
    wording = PromptWording(**snakemake.params.wording)
    vocabulary_size = config["embedded_backbone"]["vocabulary_size"]
    tokenizer = train_tokenizer([titles[item] for item in items], wording, vocabulary_size)
    builder = PromptBuilder(tokenizer, titles, prompt_style(PromptSection.read(config["prompt"]), "hybrid"), wording)
    backbone = pretrain(builder, tokenizer, items, trajectories, settings(config))
    folder = Path(snakemake.output.model).parent
    backbone.save(folder, tokenizer)
    write_table(training_log_table(backbone.log), snakemake.output.log)
    write_sidecar(folder, config=config, inputs=snakemake.input)


def settings(config: dict[str, dict[str, Any]]) -> PretrainingSettings:
    """Give the settings that the study's configuration names."""
    shape = ("hidden_size", "layers", "heads", "intermediate_size")
    own = {key: value for key, value in config["embedded_backbone"].items() if key != "vocabulary_size"}
    return PretrainingSettings(
        shape=BackboneShape(**{key: own.pop(key) for key in shape}),
        vector_width=config["recommenders"]["embedding_size"],
        candidates=config["data"]["candidates"],
        history=config["data"]["maximum_history"],
        **own,
    )


main(snakemake)

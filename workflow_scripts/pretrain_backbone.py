"""Build the embedded backbone and pretrain it on the training split."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import ITEMS, SEQUENCES
from ilora.backbone.architecture import BackboneShape
from ilora.backbone.pretraining import PretrainingSettings, pretrain
from ilora.backbone.tokenizer import train_tokenizer
from ilora.configuration.sections.embedded_backbone import EmbeddedBackboneSection
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
    provenance = provenance_of(snakemake)
    torch.set_num_threads(snakemake.threads)
    params = snakemake.params
    section, prompt = EmbeddedBackboneSection.read(params.embedded_backbone), PromptSection.read(params.prompt)
    settings = PretrainingSettings(
        shape=BackboneShape(section.hidden_size, section.layers, section.heads, section.intermediate_size),
        vector_width=params.embedding_size,
        candidates=params.candidates,
        history=params.maximum_history,
        seed=section.seed,
        steps=section.steps,
        batch_size=section.batch_size,
        learning_rate=section.learning_rate,
        warmup_steps=section.warmup_steps,
        weight_decay=section.weight_decay,
    )
    titles = read_table(snakemake.input.catalogue, ITEMS)["title"].to_pylist()
    trajectories = training_trajectories(read_table(snakemake.input.sequences, SEQUENCES))
    items = sorted({item for trajectory in trajectories for item in trajectory})
    wording = PromptWording(**params.wording)
    tokenizer = train_tokenizer([titles[item] for item in items], wording, section.vocabulary_size)
    builder = PromptBuilder(tokenizer, titles, prompt_style(prompt, "hybrid"), wording)
    backbone = pretrain(builder, tokenizer, items, trajectories, settings)
    folder = Path(snakemake.output.model).parent
    backbone.save(folder, tokenizer)
    write_table(training_log_table(backbone.log), snakemake.output.log)
    config = {**asdict(settings), "vocabulary_size": section.vocabulary_size, "prompt": prompt.model_dump(mode="json")}
    provenance.record(folder, config=config)


main(snakemake)

"""Train a T5 from scratch to generate the id of the next item."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ilora.artifacts.parquet import write_table
from ilora.artifacts.provenance import provenance_of
from ilora.configuration.sections.generative import GenerativeSection
from ilora.data.sequences import read_sequences
from ilora.generative.storage import load_ids, save_generator
from ilora.generative.tokenizing import generator_shape
from ilora.generative.training import generator_log_table, train_generator
from ilora.llm.training.checkpoints import Checkpointing, training_key
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the generator and its training log."""
    start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    torch.set_num_threads(snakemake.threads)
    method, seed = snakemake.wildcards.generator, int(snakemake.wildcards.seed)
    params, output = snakemake.params, snakemake.output
    settings = GenerativeSection.read(params.generator)
    ids = load_ids(snakemake.input.semantic_ids)
    checkpoints = Path(output.model).parent / "checkpoints"
    key = training_key({"code": params.code, "seed": seed, **params.generator}, provenance.inputs.values())
    trained = train_generator(
        generator_shape(method, settings, ids),
        read_sequences(snakemake.input.sequences),
        ids,
        seed=seed,
        description=f"training {method}, seed {seed}",
        checkpointing=Checkpointing(checkpoints / key, settings.generator.validation_every),
    )
    save_generator(trained.model, output.model)
    write_table(generator_log_table(trained.log), output.log)
    provenance.record(*output, config={**settings.model_dump(mode="json"), "seed": seed})
    shutil.rmtree(checkpoints)


main(snakemake)

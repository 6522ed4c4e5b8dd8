"""Quantise the vectors of every item to its semantic id."""

from typing import TYPE_CHECKING

import torch

from ilora.artifacts.parquet import write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.tensors import read_tensor, read_tensors
from ilora.configuration.sections.generative import GenerativeSection
from ilora.generative.id_statistics import id_statistics
from ilora.generative.level_quantisation import COLLABORATIVE
from ilora.generative.storage import save_ids
from ilora.generative.tokenizing import TOKENIZERS
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the ids and codebooks, and their statistics."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    torch.set_num_threads(snakemake.threads)
    files, output = snakemake.input, snakemake.output
    method, seed = snakemake.wildcards.generator, int(snakemake.wildcards.seed)
    vectors = read_tensors(files.text_vectors)
    if files.get("item_embeddings"):
        vectors[COLLABORATIVE] = read_tensor(files.item_embeddings, "item_embeddings")
    settings = GenerativeSection.read(snakemake.params.tokenizer)

    made = TOKENIZERS[method](vectors, settings, seed)
    statistics = id_statistics(made.ids)
    save_ids(made.ids, made.quantisation, output.semantic_ids)
    write_table(statistics, output.statistics)
    provenance.record(*output, config={**settings.model_dump(mode="json"), "seed": seed})
    for row in statistics.to_pylist():
        logger.info(
            "%(level)s: %(used)d of %(size)d, perplexity %(perplexity).1f, at most %(largest_group)d items", row
        )


main(snakemake)

"""Encode the texts of every item with a language model, level by level, for generative recommenders."""

from typing import TYPE_CHECKING

import torch

from ilora.artifacts.parquet import read_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import ITEMS
from ilora.artifacts.tensors import write_tensors
from ilora.configuration.sections.backbone import BackboneSource
from ilora.generative.level_texts import item_texts, level_texts
from ilora.generative.tokenizing import WHOLE_ITEM
from ilora.llm.model.backbones import load_encoder, load_tokenizer
from ilora.llm.model.title_vectors import encode_titles
from ilora.progress import Progress, start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake

BATCH_SIZE = 64


def main(snakemake: "Snakemake") -> None:
    """Write `text_vectors.safetensors`: float32 [items, width] for each level, and for the whole text of an item."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    torch.set_num_threads(snakemake.threads)
    catalogue = read_table(snakemake.input.catalogue, ITEMS)
    texts = {**level_texts(catalogue), WHOLE_ITEM: item_texts(catalogue)}
    source = BackboneSource.read(snakemake.params.encoder)
    model, tokenizer = load_encoder(source), load_tokenizer(source)
    with Progress(len(texts) * catalogue.num_rows, "encoding texts", logger) as progress:
        vectors = {
            level: encode_titles(model, tokenizer, of_level, BATCH_SIZE, progress) for level, of_level in texts.items()
        }
    path = snakemake.output.text_vectors
    write_tensors(vectors, path)
    provenance.record(path, config=source.model_dump(mode="json"))


main(snakemake)

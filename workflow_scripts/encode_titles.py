"""Encode the title of every item with a language model, for a recommender that reads titles."""

from typing import TYPE_CHECKING

import torch

from ilora.artifacts.parquet import read_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import ITEMS
from ilora.artifacts.tensors import write_tensors
from ilora.configuration.sections.backbone import BackboneSource
from ilora.llm.model.backbones import load_encoder, load_tokenizer
from ilora.llm.model.title_vectors import encode_titles
from ilora.progress import Progress, start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake

BATCH_SIZE = 64


def main(snakemake: "Snakemake") -> None:
    """Write `title_vectors.safetensors`."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    torch.set_num_threads(snakemake.threads)
    titles = read_table(snakemake.input.catalogue, ITEMS)["title"].to_pylist()
    source = BackboneSource.read(snakemake.params.encoder)
    with Progress(len(titles), "encoding titles", logger) as progress:
        vectors = encode_titles(load_encoder(source), load_tokenizer(source), titles, BATCH_SIZE, progress)
    path = snakemake.output.title_vectors
    write_tensors({"title_vectors": vectors}, path)
    provenance.record(path, config=source.model_dump(mode="json"))


main(snakemake)

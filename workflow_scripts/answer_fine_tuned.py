"""Answers every val and test candidate set with a fine-tuned adapter."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.artifacts.schemas import CANDIDATES
from ilora.llm.adapter import adapter_settings, attach_adapter, load_adapter
from ilora.llm.backbones import BackboneSource, load_causal_model, load_tokenizer
from ilora.llm.generation import DecodingSettings
from ilora.llm.inputs import read_hybrid_inputs
from ilora.llm.item_vectors import prepare_item_vectors
from ilora.llm.predicting import predict_by_generation
from ilora.llm.projector import load_projector
from ilora.llm.prompts import WORDING, PromptBuilder, PromptStyle
from ilora.progress import Progress, start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `predictions.parquet`."""
    logger = start_log(snakemake.log[0])
    torch.set_num_threads(snakemake.threads)
    config, method = snakemake.params.config, snakemake.wildcards.method
    adapter = Path(snakemake.input.adapter_weights).parent
    candidates = read_table(snakemake.input.candidates, CANDIDATES)
    inputs = read_hybrid_inputs(
        snakemake.input.catalogue,
        snakemake.input.sequences,
        snakemake.input.interactions,
        snakemake.input.item_embeddings,
        snakemake.input.representations,
    )

    source = BackboneSource(**snakemake.params.backbone)
    tokenizer = load_tokenizer(source)
    shape = adapter_settings(snakemake.params.finetuning, method)
    vectors = prepare_item_vectors(inputs.item_embeddings, shape.item_vectors)
    projector = load_projector(adapter / "projector.safetensors")
    causal_model = load_causal_model(source)
    model = attach_adapter(causal_model, projector, vectors, inputs.training_representations, shape, seed=0)
    load_adapter(model, shape, adapter)

    wording = WORDING[snakemake.wildcards.dataset]
    builder = PromptBuilder(tokenizer, inputs.titles, PromptStyle(**config["prompt"]), wording)
    decoding = DecodingSettings(**config["decoding"])
    with Progress(candidates.num_rows, f"answering with {method}, seed {snakemake.wildcards.seed}", logger) as progress:
        predictions = predict_by_generation(
            model,
            tokenizer,
            builder,
            inputs.titles,
            inputs.sequences,
            candidates,
            inputs.representations,
            method,
            decoding,
            progress,
        )
    write_table(predictions, snakemake.output.predictions)
    write_sidecar(snakemake.output.predictions, config=config, inputs=snakemake.input)


main(snakemake)

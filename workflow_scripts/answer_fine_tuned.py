"""Answers val and test candidate sets with a fine-tuned adapter, or with a snapshot of its fine-tuning."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.artifacts.records import check_made_from
from ilora.artifacts.schemas import CANDIDATES, SEQUENCES
from ilora.data.candidates import first_draws
from ilora.datasets.wording import PromptWording
from ilora.llm.inference.generation import DecodingSettings
from ilora.llm.inference.predicting import PromptedModel, predict
from ilora.llm.model.adapter import adapter_settings, load_adapter
from ilora.llm.model.backbones import BackboneSource, load_causal_model, load_tokenizer
from ilora.llm.model.inputs import read_method_inputs
from ilora.llm.model.item_vectors import guide_item_vectors
from ilora.llm.prompts.builder import PromptBuilder, prompt_style
from ilora.llm.prompts.context import context_window
from ilora.llm.training.gate_inputs import method_guidance
from ilora.predictions.building import written_predictions
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `predictions.parquet`."""
    start_log(snakemake.log[0])
    torch.set_num_threads(snakemake.threads)
    config, method = snakemake.params.config, snakemake.wildcards.method
    adapter = Path(snakemake.params.adapter)
    check_made_from(adapter, snakemake.input)
    candidates = first_draws(read_table(snakemake.input.candidates, CANDIDATES), snakemake.params.draws)
    inputs = read_method_inputs(
        snakemake.input.catalogue,
        snakemake.input.sequences,
        snakemake.input.get("item_embeddings"),
        snakemake.input.get("representations"),
    )

    source = BackboneSource(**snakemake.params.backbone)
    tokenizer = load_tokenizer(source)
    shape = adapter_settings(snakemake.params.finetuning, **snakemake.params.method)
    vectors = guide_item_vectors(inputs.guide, shape.item_vectors)
    model = load_adapter(load_causal_model(source), vectors, shape, adapter)
    seed = int(snakemake.wildcards.seed)
    guidance = method_guidance(shape, inputs.guide, inputs.sequences, seed)

    decoding = DecodingSettings(**config["decoding"])
    wording = PromptWording(**snakemake.params.wording)
    style = prompt_style(config["prompt"], snakemake.params.method["prompt"])
    window = context_window(model.causal_model, decoding.maximum_new_tokens)
    builder = PromptBuilder(tokenizer, inputs.titles, style, wording, window)
    prompted = PromptedModel(model, builder, f"{method}, seed {seed}")
    answers = predict(prompted, inputs.sequences, candidates, decoding, guidance)
    sequences = read_table(snakemake.input.sequences, SEQUENCES)
    predictions = written_predictions(sequences, candidates, answers.texts, inputs.titles, method, answers.scores)
    write_table(predictions, snakemake.output.predictions)
    write_sidecar(snakemake.output.predictions, config=config, inputs=snakemake.input)


main(snakemake)

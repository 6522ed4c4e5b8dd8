"""Computes an adapter's gradients on clusters of sequences, at one checkpoint of its fine-tuning."""

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import torch
from transformers import PreTrainedTokenizerBase

from ilora.analysis.genres import item_genres
from ilora.analysis.gradient_grams import grams_table
from ilora.analysis.gradient_samples import Blocks, SampleSizes, draw_partitions
from ilora.analysis.gradients import gradient_grams, make_adapter_differentiable
from ilora.analysis.schemas import CLUSTERS
from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.artifacts.records import check_made_from
from ilora.artifacts.schemas import ITEMS
from ilora.llm.adapter import AdapterSettings, adapter_settings, load_adapter
from ilora.llm.backbones import BackboneSource, load_causal_model, load_tokenizer
from ilora.llm.context import ContextWindow, context_window
from ilora.llm.fine_tuning import FineTuningExamples, FineTuningSettings, fine_tuning_settings
from ilora.llm.guidance import method_guidance
from ilora.llm.hybrid_model import HybridLanguageModel
from ilora.llm.inputs import MethodInputs, read_inputs
from ilora.llm.item_vectors import guide_item_vectors
from ilora.llm.prompts import PromptBuilder, prompt_style
from ilora.llm.wording import prompt_wording
from ilora.progress import Progress, start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake

#: The candidate sets of training's first pass, which every method has learnt from.
DRAW = 0


def main(snakemake: "Snakemake") -> None:
    """Write the Gram matrices of one checkpoint."""
    logger = start_log(snakemake.log[0])
    torch.set_num_threads(snakemake.threads)
    choice = snakemake.params.analysis
    inputs = read_inputs(
        snakemake.input.catalogue,
        snakemake.input.sequences,
        snakemake.input.interactions,
        snakemake.input.item_embeddings,
        snakemake.input.representations,
    )
    tokenizer = load_tokenizer(BackboneSource(**snakemake.params.backbone))
    settings = fine_tuning_settings(
        snakemake.params.finetuning,
        snakemake.params.config["backbone"]["precision"],
        int(snakemake.wildcards.seed),
        inputs.training_sequences,
    )
    step, folder = _checkpoint(snakemake, settings)
    check_made_from(folder, snakemake.input)
    shape = adapter_settings(snakemake.params.finetuning, **snakemake.params.method)
    model = _adapted_model(snakemake, inputs, shape, folder)
    window = context_window(model.causal_model)
    examples = _examples(snakemake, inputs, tokenizer, shape, settings, window)
    tables = []
    for partition, blocks in _partitions(snakemake, inputs).items():
        description = f"gradients of {snakemake.wildcards.method}, seed {settings.seed}, step {step}: {partition}"
        with Progress(len(blocks.groups), description, logger) as progress:
            grams = gradient_grams(
                model,
                lambda sequence_id: examples.example(sequence_id, DRAW),
                blocks.sequence_ids,
                tokenizer.pad_token_id,
                choice["batch_size"],
                progress,
            )
        tables.append(grams_table(partition, step, blocks.groups, grams))
    write_table(pa.concat_tables(tables), snakemake.output.grams)
    config = {**snakemake.params.config, "analysis": choice}
    write_sidecar(snakemake.output.grams, config=config, inputs=snakemake.input)


def _checkpoint(snakemake: "Snakemake", settings: FineTuningSettings) -> tuple[int, Path]:
    """Return the optimizer step of the checkpoint, and the folder of its adapter."""
    snapshot = snakemake.wildcards.snapshot
    if snapshot == "last":
        return settings.steps, Path(snakemake.input.adapter_weights).parent
    return int(snapshot.removeprefix("step~")), Path(snakemake.input.snapshots) / snapshot


def _adapted_model(
    snakemake: "Snakemake", inputs: MethodInputs, shape: AdapterSettings, folder: Path
) -> HybridLanguageModel:
    vectors = guide_item_vectors(inputs.guide, shape.item_vectors)
    model = load_adapter(load_causal_model(BackboneSource(**snakemake.params.backbone)), vectors, shape, folder)
    make_adapter_differentiable(model)
    return model


def _examples(
    snakemake: "Snakemake",
    inputs: MethodInputs,
    tokenizer: PreTrainedTokenizerBase,
    shape: AdapterSettings,
    settings: FineTuningSettings,
    window: ContextWindow | None,
) -> FineTuningExamples:
    config = snakemake.params.config
    guidance = method_guidance(shape, inputs.guide, inputs.sequences, settings.seed)
    rows = None if guidance is None else guidance.numpy()
    wording = prompt_wording(snakemake.wildcards.dataset, snakemake.params.words)
    style = prompt_style(config["prompt"], snakemake.params.method["prompt"])
    builder = PromptBuilder(tokenizer, inputs.titles, style, wording, window)
    data = config["data"]
    return FineTuningExamples(inputs.sequences, builder, rows, data["candidates"], data["candidate_seed"], settings)


def _partitions(snakemake: "Snakemake", inputs: MethodInputs) -> dict[str, Blocks]:
    choice = snakemake.params.analysis
    genres = item_genres(read_table(snakemake.input.catalogue, ITEMS)["metadata"].to_pylist())
    clusters = read_table(snakemake.input.clusters, CLUSTERS)["cluster"].to_numpy()
    return draw_partitions(inputs.sequences, clusters, genres, SampleSizes(**choice["sizes"]), choice["seed"])


main(snakemake)

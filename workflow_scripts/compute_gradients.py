"""Computes an adapter's gradients on clusters of sequences, at one checkpoint of its fine-tuning."""

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import torch

from ilora.analysis.genres import item_genres
from ilora.analysis.gradient_grams import grams_table
from ilora.analysis.gradient_samples import SampleSizes, draw_partitions
from ilora.analysis.gradients import gradient_grams, make_adapter_differentiable
from ilora.analysis.schemas import CLUSTERS
from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.artifacts.schemas import ITEMS
from ilora.llm.adapter import adapter_settings, load_adapter
from ilora.llm.backbones import BackboneSource, load_causal_model, load_tokenizer
from ilora.llm.fine_tuning import FineTuningExamples, fine_tuning_settings
from ilora.llm.guidance import guidance_table
from ilora.llm.inputs import read_hybrid_inputs
from ilora.llm.item_vectors import prepare_item_vectors
from ilora.llm.prompts import PromptBuilder, PromptStyle, prompt_wording
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
    config, finetuning, choice = snakemake.params.config, snakemake.params.finetuning, snakemake.params.analysis
    method, seed, snapshot = (snakemake.wildcards[name] for name in ("method", "seed", "snapshot"))
    inputs = read_hybrid_inputs(
        snakemake.input.catalogue,
        snakemake.input.sequences,
        snakemake.input.interactions,
        snakemake.input.item_embeddings,
        snakemake.input.representations,
    )
    sequences = inputs.sequences
    settings = fine_tuning_settings(
        finetuning, config["backbone"]["precision"], int(seed), len(inputs.training_representations)
    )
    is_last = snapshot == "last"
    adapter = Path(snakemake.input.adapter_weights).parent
    folder = adapter if is_last else Path(snakemake.input.snapshots) / snapshot
    step = settings.steps if is_last else int(snapshot.removeprefix("step~"))

    source = BackboneSource(**snakemake.params.backbone)
    tokenizer = load_tokenizer(source)
    shape = adapter_settings(finetuning, method)
    vectors = prepare_item_vectors(inputs.item_embeddings, shape.item_vectors)
    model = load_adapter(load_causal_model(source), vectors, shape, folder)
    make_adapter_differentiable(model)
    guidance = guidance_table(shape.guidance, inputs.representations, sequences, int(seed))
    rows = None if guidance is None else guidance.numpy()
    wording = prompt_wording(snakemake.wildcards.dataset, snakemake.params.words)
    builder = PromptBuilder(tokenizer, inputs.titles, PromptStyle(**config["prompt"]), wording)
    data = config["data"]
    examples = FineTuningExamples(sequences, builder, rows, data["candidates"], data["candidate_seed"], settings)

    genres = item_genres(read_table(snakemake.input.catalogue, ITEMS)["metadata"].to_pylist())
    clusters = read_table(snakemake.input.clusters, CLUSTERS)["cluster"].to_numpy()
    partitions = draw_partitions(sequences, clusters, genres, SampleSizes(**choice["sizes"]), choice["seed"])
    tables = []
    for partition, blocks in partitions.items():
        description = f"gradients of {method}, seed {seed}, step {step}: {partition}"
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
    write_sidecar(snakemake.output.grams, config={**config, "analysis": choice}, inputs=snakemake.input)


main(snakemake)

"""Compute an adapter's gradients on clusters of sequences, at one checkpoint of its fine-tuning."""

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
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.records import check_made_from
from ilora.artifacts.schemas import ITEMS
from ilora.configuration.sections.analysis import AnalysisSection
from ilora.configuration.tuning import TuningSettings
from ilora.llm.model.adapter import load_adapter
from ilora.llm.model.backbones import load_causal_model, load_tokenizer
from ilora.llm.model.inputs import read_method_inputs
from ilora.llm.model.item_vectors import encoder_item_vectors
from ilora.llm.prompts.context import context_window
from ilora.llm.training.gate_inputs import method_gate_inputs
from ilora.llm.training.tuning_job import training_examples
from ilora.progress import Progress, start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake

#: The candidate sets of the first training pass, on which every method was trained.
DRAW = 0


def main(snakemake: "Snakemake") -> None:
    """Write the Gram matrices of one checkpoint."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    torch.set_num_threads(snakemake.threads)
    files, settings = snakemake.input, TuningSettings.read(snakemake.params.tuning)
    analysis = AnalysisSection.read(snakemake.params.analysis)
    adapter = Path(snakemake.params.adapter)
    check_made_from(adapter, files)
    inputs = read_method_inputs(files.catalogue, files.sequences, files.item_embeddings, files.representations)
    tokenizer = load_tokenizer(settings.backbone)
    vectors = encoder_item_vectors(inputs.sequence_encoder, settings.shape.item_vectors)
    model = load_adapter(load_causal_model(settings.backbone), vectors, settings.shape, adapter)
    make_adapter_differentiable(model)
    gate_inputs = method_gate_inputs(settings.shape, inputs.sequence_encoder, inputs.sequences, settings.seed)
    examples = training_examples(settings, inputs, tokenizer, context_window(model.causal_model), gate_inputs)
    snapshot = snakemake.wildcards.snapshot
    step = examples.steps if snapshot == "last" else int(snapshot.removeprefix("step~"))

    genres = item_genres(read_table(files.catalogue, ITEMS)["metadata"].to_pylist())
    clusters = read_table(files.clusters, CLUSTERS)["cluster"].to_numpy()
    sizes = SampleSizes(analysis.blocks, analysis.sequences_per_block, analysis.case_study_sequences)
    tables = []
    for partition, blocks in draw_partitions(inputs.sequences, clusters, genres, sizes, analysis.seed).items():
        description = f"gradients of {settings.method}, seed {settings.seed}, step {step}: {partition}"
        with Progress(len(blocks.groups), description, logger) as progress:
            grams = gradient_grams(
                model,
                lambda sequence_id: examples.example(sequence_id, DRAW),
                blocks.sequence_ids,
                tokenizer.pad_token_id,
                analysis.batch_size,
                progress,
            )
        tables.append(grams_table(partition, step, blocks.groups, grams))
    write_table(pa.concat_tables(tables), snakemake.output.grams)
    config = {**settings.model_dump(mode="json"), "analysis": analysis.model_dump(mode="json")}
    provenance.record(snakemake.output.grams, config=config)


main(snakemake)

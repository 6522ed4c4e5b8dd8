"""Tunes an adapter for a backbone: uniform or instance-wise LoRA, on hybrid prompts or on text alone."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ilora.artifacts.parquet import write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.artifacts.writing import atomic_path
from ilora.llm.adapter import adapter_settings, attach_adapter, save_adapter
from ilora.llm.backbones import BackboneSource, load_causal_model, load_tokenizer
from ilora.llm.checkpoints import Checkpointing, training_key
from ilora.llm.context import context_window
from ilora.llm.fine_tuning import FineTuningExamples, fine_tune, fine_tuning_settings
from ilora.llm.guidance import method_guidance, training_guidance
from ilora.llm.inputs import read_inputs
from ilora.llm.item_vectors import guide_item_vectors
from ilora.llm.projector import Projector, fresh_projector, load_projector
from ilora.llm.prompts import PromptBuilder, prompt_style
from ilora.llm.training import training_log_table
from ilora.llm.wording import prompt_wording
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def first_projector(snakemake: "Snakemake", vectors: torch.Tensor, causal_model: Any) -> Projector:
    """Return the projector that tuning begins with: the embedded backbone's own, or a fresh one."""
    own = snakemake.input.get("projector")
    return load_projector(own) if own else fresh_projector(vectors, causal_model, int(snakemake.wildcards.seed))


def main(snakemake: "Snakemake") -> None:
    """Write the adapter, its snapshots and the training log."""
    logger = start_log(snakemake.log[0])
    torch.set_num_threads(snakemake.threads)
    config, finetuning = snakemake.params.config, snakemake.params.finetuning
    seed = int(snakemake.wildcards.seed)
    inputs = read_inputs(
        snakemake.input.catalogue,
        snakemake.input.sequences,
        snakemake.input.interactions,
        snakemake.input.get("item_embeddings"),
        snakemake.input.get("representations"),
    )

    source = BackboneSource(**snakemake.params.backbone)
    tokenizer = load_tokenizer(source)
    causal_model = load_causal_model(source)
    shape = adapter_settings(finetuning, **snakemake.params.method)
    vectors = guide_item_vectors(inputs.guide, shape.item_vectors)
    projector = None if vectors is None else first_projector(snakemake, vectors, causal_model)
    guidance = method_guidance(shape, inputs.guide, inputs.sequences, seed)
    width = causal_model.config.hidden_size if guidance is None else guidance.shape[1]
    model = attach_adapter(causal_model, projector, vectors, shape, width, seed)

    wording = prompt_wording(snakemake.wildcards.dataset, snakemake.params.words)
    style = prompt_style(config["prompt"], snakemake.params.method["prompt"])
    builder = PromptBuilder(tokenizer, inputs.titles, style, wording, context_window(causal_model))
    settings = fine_tuning_settings(finetuning, config["backbone"]["precision"], seed, inputs.training_sequences)
    data = config["data"]
    rows = None if guidance is None else guidance.numpy()
    examples = FineTuningExamples(inputs.sequences, builder, rows, data["candidates"], data["candidate_seed"], settings)
    if model.instance_wise is not None and shape.guidance != "constant":
        read = training_guidance(guidance, inputs.sequences, model, examples)
        model.instance_wise.gate.standardisation.fit(read)

    adapter = Path(snakemake.output.weights).parent
    key = training_key(dict(snakemake.params.items()) | dict(snakemake.wildcards.items()), snakemake.input)
    state = adapter.parent / "checkpoints" / key
    log = fine_tune(
        model,
        examples,
        tokenizer.pad_token_id,
        settings,
        f"fine-tuning {snakemake.wildcards.method}, seed {seed}",
        logger,
        lambda step: save_adapter(model, shape, state / "snapshots" / f"step~{step}"),
        Checkpointing(state, finetuning["checkpoint_every"]),
    )
    with atomic_path(snakemake.output.snapshots) as snapshots:
        snapshots.mkdir()
        for step in settings.snapshots:
            shutil.copytree(state / "snapshots" / f"step~{step}", snapshots / f"step~{step}")
    with atomic_path(adapter) as folder:
        folder.mkdir()
        save_adapter(model, shape, folder)
    write_table(training_log_table(log), snakemake.output.log)
    # What `ilora.llm.asking` needs to ask this adapter outside of the study.
    asked = {name: snakemake.params[name] for name in ("backbone", "method", "words", "finetuning")}
    settings_of_study = {**config, **asked, "dataset": snakemake.wildcards.dataset}
    for path in (adapter, snakemake.output.snapshots, snakemake.output.log):
        write_sidecar(path, config=settings_of_study, inputs=snakemake.input)
    if state.parent.exists():
        shutil.rmtree(state.parent)


main(snakemake)

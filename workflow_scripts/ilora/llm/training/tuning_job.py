"""A fine-tuning job: from the files of a data set to an adapter.

`ilora.llm.training.launching` runs it in one or several processes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from ilora.artifacts.parquet import write_table
from ilora.artifacts.writing import atomic_path
from ilora.configuration.tuning import TuningSettings
from ilora.llm.model.adapter import attach_adapter, save_adapter
from ilora.llm.model.backbones import device, load_causal_model, load_tokenizer
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.model.inputs import MethodInputs, read_method_inputs
from ilora.llm.model.item_vectors import encoder_item_vectors
from ilora.llm.model.projector import Projector, fresh_projector, load_projector, unscaled_projector
from ilora.llm.prompts.builder import PromptBuilder, prompt_style
from ilora.llm.prompts.context import ContextWindow, context_window
from ilora.llm.training.checkpoints import Checkpointing
from ilora.llm.training.fine_tuning import FineTuningExamples, fine_tune
from ilora.llm.training.gate_inputs import method_gate_inputs, training_gate_inputs
from ilora.llm.training.loop import training_log_table
from ilora.llm.training.processes import is_main_process, process_count
from ilora.llm.training.sharding import shard_frozen_weights


@dataclass(frozen=True)
class TuningJob:
    """A fine-tuning with its inputs and outputs.

    Attributes:
        settings: settings of the fine-tuning.
        inputs: input files by name: ``catalogue``, ``sequences``; with hybrid prompts ``item_embeddings`` and
            ``representations``; ``projector`` if the backbone has its own.
        threads: CPU threads of each process.
        sharded: whether processes shard the frozen weights; results do not depend on it.
        folder: folder for state and outputs, exclusive to this job.
        log: path of the log file.
    """

    settings: TuningSettings
    inputs: Mapping[str, str]
    threads: int
    sharded: bool
    folder: str
    log: str

    @property
    def adapter(self) -> Path:
        """The finished adapter."""
        return Path(self.folder) / "adapter"

    @property
    def training_log(self) -> Path:
        """The finished training log."""
        return Path(self.folder) / "training_log.parquet"

    def snapshot(self, step: int) -> Path:
        """Return the path of the adapter after a step."""
        return Path(self.folder) / "snapshots" / f"step~{step}"


def write_job(job: TuningJob, path: Path) -> None:
    """Write a job as JSON."""
    with atomic_path(path) as temporary:
        values = {**vars(job), "settings": job.settings.model_dump(mode="json")}
        temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def read_job(path: Path) -> TuningJob:
    """Read a job from JSON."""
    values = json.loads(path.read_text(encoding="utf-8"))
    return TuningJob(**{**values, "settings": TuningSettings.read(values["settings"])})


def prepare_tuning(job: TuningJob) -> tuple[HybridLanguageModel, FineTuningExamples]:
    """Return a job's model and examples before the first step, with a gate's statistics fitted."""
    settings, shape = job.settings, job.settings.shape
    names = ("catalogue", "sequences", "item_embeddings", "representations")
    inputs = read_method_inputs(**{name: job.inputs[name] for name in names if name in job.inputs})
    tokenizer = load_tokenizer(settings.backbone)
    is_divided = job.sharded and process_count() > 1
    # A sharded model may be too large for one device.
    causal_model = load_causal_model(settings.backbone, torch.device("cpu") if is_divided else device())
    gate_inputs = method_gate_inputs(shape, inputs.sequence_encoder, inputs.sequences, settings.seed)
    model = _with_adapter(job, inputs, causal_model, gate_inputs)
    examples = training_examples(settings, inputs, tokenizer, context_window(causal_model), gate_inputs)
    if model.instance_wise is not None and shape.values.gate_input != "constant":
        read = training_gate_inputs(gate_inputs, inputs.sequences, model, examples)
        model.instance_wise.gate.fit(read)
    if settings.finetuning.gradient_checkpointing:
        model.activation_checkpointing_enable()
    if is_divided:
        shard_frozen_weights(model, device())
    return model, examples


def training_examples(
    settings: TuningSettings,
    inputs: MethodInputs,
    tokenizer: PreTrainedTokenizerBase,
    window: ContextWindow | None,
    gate_inputs: torch.Tensor | None = None,
) -> FineTuningExamples:
    """Return the examples of a fine-tuning, in order.

    Args:
        settings: settings of the fine-tuning.
        inputs: data set.
        tokenizer: tokenizer of the backbone.
        window: context window of the backbone; None for no limit.
        gate_inputs: gate inputs, float32 (sequences, width); None without such a gate.
    """
    style = prompt_style(settings.prompt, settings.kind.prompt, settings.finetuning.prompt_texts)
    builder = PromptBuilder(tokenizer, inputs.titles, style, settings.wording, window)
    read = None if gate_inputs is None else gate_inputs.numpy()
    return FineTuningExamples(inputs.sequences, builder, read, settings)


def _with_adapter(
    job: TuningJob, inputs: MethodInputs, causal_model: Any, gate_inputs: torch.Tensor | None
) -> HybridLanguageModel:
    shape, seed = job.settings.shape, job.settings.seed
    vectors = encoder_item_vectors(inputs.sequence_encoder, shape.item_vectors)
    projector = None if vectors is None else _first_projector(job, vectors, causal_model)
    width = causal_model.config.hidden_size if gate_inputs is None else gate_inputs.shape[1]
    return attach_adapter(causal_model, projector, vectors, shape, width, seed)


def _first_projector(job: TuningJob, vectors: torch.Tensor, causal_model: Any) -> Projector:
    start, own = job.settings.finetuning.projector_start, job.inputs.get("projector")
    if start == "pretrained" and own is not None:
        return load_projector(own)
    make = unscaled_projector if start == "unscaled" else fresh_projector
    return make(vectors, causal_model, job.settings.seed)


def run_tuning(job: TuningJob) -> None:
    """Tune an adapter, and write adapter, snapshots and training log to the job's folder.

    Raises:
        ilora.endings.Interrupted: if it was stopped by a signal; running it again resumes it.
    """
    torch.set_num_threads(job.threads)
    model, examples = prepare_tuning(job)
    settings = job.settings
    rows = fine_tune(
        model,
        examples,
        lambda step: save_adapter(model, settings.shape, job.snapshot(step)),
        Checkpointing(Path(job.folder), settings.finetuning.checkpoint_every),
    )
    if is_main_process():
        save_adapter(model, settings.shape, job.adapter)
        write_table(training_log_table(rows), job.training_log)

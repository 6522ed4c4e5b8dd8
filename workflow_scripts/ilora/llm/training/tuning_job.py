"""One fine-tuning as a thing of its own: from files of a data set to an adapter.

`ilora.llm.training.launching` runs it, on one process or on several.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from ilora.artifacts.parquet import write_table
from ilora.artifacts.writing import atomic_path
from ilora.datasets.wording import PromptWording
from ilora.llm.model.adapter import AdapterSettings, adapter_settings, attach_adapter, save_adapter
from ilora.llm.model.backbones import BackboneSource, device, load_causal_model, load_tokenizer
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.model.inputs import MethodInputs, read_method_inputs
from ilora.llm.model.item_vectors import guide_item_vectors
from ilora.llm.model.projector import fresh_projector, load_projector
from ilora.llm.prompts.builder import PromptBuilder, prompt_style
from ilora.llm.prompts.context import ContextWindow, context_window
from ilora.llm.training.checkpoints import Checkpointing
from ilora.llm.training.fine_tuning import FineTuningExamples, fine_tune, fine_tuning_settings
from ilora.llm.training.gate_inputs import method_guidance, training_guidance
from ilora.llm.training.loop import training_log_table
from ilora.llm.training.processes import is_main_process, process_count
from ilora.llm.training.sharding import shard_frozen_weights

_LOGGER = logging.getLogger("ilora")


@dataclass(frozen=True)
class TuningSettings:
    """How a method is tuned for a data set: plain values, which JSON can hold.

    Attributes:
        dataset: name of the data set, for messages.
        method: name of the method, for the progress display.
        kind: keyword arguments of `ilora.llm.model.adapter.adapter_settings` that say what kind of method it is.
        seed: of the fine-tuning.
        backbone: keyword arguments of `BackboneSource`.
        finetuning: the study's `finetuning` section, for the data set and method.
        prompt: its `prompt` section.
        wording: keyword arguments of `PromptWording`: the data set's sentences.
        candidates: size of a candidate set.
        candidate_seed: of the candidate sets.
    """

    dataset: str
    method: str
    kind: Mapping[str, Any]
    seed: int
    backbone: Mapping[str, Any]
    finetuning: Mapping[str, Any]
    prompt: Mapping[str, Any]
    wording: Mapping[str, str]
    candidates: int
    candidate_seed: int

    @property
    def source(self) -> BackboneSource:
        """The backbone."""
        return BackboneSource(**self.backbone)

    @property
    def shape(self) -> AdapterSettings:
        """The adapter's."""
        return adapter_settings(self.finetuning, **self.kind)


@dataclass(frozen=True)
class TuningJob:
    """A fine-tuning with all that it reads and writes.

    Attributes:
        settings: of the fine-tuning.
        inputs: the files that it reads, by name: ``catalogue``, ``sequences``; with hybrid prompts
            ``item_embeddings`` and ``representations``; ``projector`` where the backbone has one of its own.
        threads: of one process on the CPU.
        sharded: whether several processes divide the frozen weights among them; no number depends on it.
        folder: where its state is kept, of this job alone; what it makes is put there.
        log: file of its log.
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
        """Give the adapter as it was after a step."""
        return Path(self.folder) / "snapshots" / f"step~{step}"


def write_job(job: TuningJob, path: Path) -> None:
    """Write a job as JSON."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(asdict(job), indent=2) + "\n", encoding="utf-8")


def read_job(path: Path) -> TuningJob:
    """Read a job back."""
    values = json.loads(path.read_text(encoding="utf-8"))
    return TuningJob(**{**values, "settings": TuningSettings(**values["settings"])})


@dataclass(frozen=True)
class PreparedTuning:
    """A job's model, its examples and its tokenizer's padding, before the first step."""

    model: HybridLanguageModel
    examples: FineTuningExamples
    padding_token_id: int


def prepare_tuning(job: TuningJob) -> PreparedTuning:
    """Read the files of a job, load its backbone and attach a fresh adapter, whose gate has its statistics."""
    settings, shape = job.settings, job.settings.shape
    names = ("catalogue", "sequences", "item_embeddings", "representations")
    inputs = read_method_inputs(**{name: job.inputs[name] for name in names if name in job.inputs})
    tokenizer = load_tokenizer(settings.source)
    is_divided = job.sharded and process_count() > 1
    # A model whose weights are divided may be too large for one device.
    causal_model = load_causal_model(settings.source, torch.device("cpu") if is_divided else device())
    guidance = method_guidance(shape, inputs.guide, inputs.sequences, settings.seed)
    model = _with_adapter(job, inputs, causal_model, guidance)
    examples = training_examples(settings, inputs, tokenizer, context_window(causal_model), guidance)
    if model.instance_wise is not None and shape.guidance != "constant":
        read = training_guidance(guidance, inputs.sequences, model, examples)
        model.instance_wise.gate.standardisation.fit(read)
    if settings.finetuning["gradient_checkpointing"]:
        model.activation_checkpointing_enable()
    if is_divided:
        shard_frozen_weights(model, device())
    return PreparedTuning(model, examples, int(tokenizer.pad_token_id))


def training_examples(
    settings: TuningSettings,
    inputs: MethodInputs,
    tokenizer: PreTrainedTokenizerBase,
    window: ContextWindow | None,
    guidance: torch.Tensor | None = None,
) -> FineTuningExamples:
    """Give what a fine-tuning will read, in order.

    Args:
        settings: of the fine-tuning.
        inputs: the data set.
        tokenizer: of the backbone.
        window: what the backbone reads at once; None for no limit.
        guidance: what a gate reads, float32 (sequences, width); None without such a gate.
    """
    style = prompt_style(settings.prompt, settings.kind["prompt"])
    wording = PromptWording(**settings.wording)
    builder = PromptBuilder(tokenizer, inputs.titles, style, wording, window)
    return FineTuningExamples(
        inputs.sequences,
        builder,
        None if guidance is None else guidance.numpy(),
        settings.candidates,
        settings.candidate_seed,
        fine_tuning_settings(settings.finetuning, settings.source.precision, settings.seed, inputs.training_sequences),
    )


def _with_adapter(
    job: TuningJob, inputs: MethodInputs, causal_model: Any, guidance: torch.Tensor | None
) -> HybridLanguageModel:
    """The projector that tuning begins with is the embedded backbone's own, or a fresh one."""
    shape, seed = job.settings.shape, job.settings.seed
    vectors = guide_item_vectors(inputs.guide, shape.item_vectors)
    projector = None
    if vectors is not None:
        own = job.inputs.get("projector")
        projector = load_projector(own) if own else fresh_projector(vectors, causal_model, seed)
    width = causal_model.config.hidden_size if guidance is None else guidance.shape[1]
    return attach_adapter(causal_model, projector, vectors, shape, width, seed)


def run_tuning(job: TuningJob) -> None:
    """Tune an adapter; adapter, snapshots and training log then lie in the job's folder.

    Raises:
        ilora.llm.training.loop.Interrupted: if it was told to stop; run again, it goes on.
    """
    torch.set_num_threads(job.threads)
    prepared = prepare_tuning(job)
    model, settings = prepared.model, job.settings
    shape = settings.shape
    rows = fine_tune(
        model,
        prepared.examples,
        prepared.padding_token_id,
        prepared.examples.settings,
        f"fine-tuning {settings.method}, seed {settings.seed}",
        _LOGGER,
        lambda step: save_adapter(model, shape, job.snapshot(step)),
        Checkpointing(Path(job.folder), settings.finetuning["checkpoint_every"]),
    )
    if is_main_process():
        save_adapter(model, shape, job.adapter)
        write_table(training_log_table(rows), job.training_log)

"""Behaviour on a GPU, as far as it can be tested without one: devices of tensors, and GPUs per process."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import TrainingArguments

from ilora.data.sequences import SequenceTable
from ilora.llm.model.backbones import BackboneError, device
from ilora.llm.training import loop
from ilora.llm.training.gate_inputs import training_gate_inputs
from ilora.llm.training.loop import Hooks, LoopSettings, Schedule
from ilora.llm.training.tuning_job import TuningJob, prepare_tuning


class Elsewhere:
    """A stand-in for a model on another device that records the device of the tokens to embed."""

    causal_model = SimpleNamespace(device=torch.device("meta"))

    def embed(self, input_ids: torch.Tensor, behaviour: torch.Tensor) -> torch.Tensor:
        assert input_ids.device.type == behaviour.device.type == "meta"
        raise InterruptedError


def test_prompts_that_a_gate_reads_go_where_the_model_is(job: TuningJob, sequences: SequenceTable) -> None:
    model: Any = Elsewhere()
    with pytest.raises(InterruptedError):
        training_gate_inputs(None, sequences, model, prepare_tuning(job)[1])


def test_a_process_takes_one_gpu_of_several(monkeypatch: pytest.MonkeyPatch) -> None:
    class SeesFour(TrainingArguments):
        def __post_init__(self) -> None:
            super().__post_init__()
            self._n_gpu = 4

    monkeypatch.setattr(loop, "TrainingArguments", SeesFour)
    settings = LoopSettings("training", Schedule(10, 1), batch_size=8, seed=1)
    arguments = loop._arguments("folder", settings, Hooks())
    assert (arguments.n_gpu, arguments.train_batch_size) == (1, 8)


def test_gpus_that_pytorch_does_not_see_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device() == torch.device("cpu")
    monkeypatch.setenv("SLURM_JOB_GPUS", "2,3")
    with pytest.raises(BackboneError, match="Slurm gave this job the GPUs 2,3, but PyTorch .* sees none"):
        device()

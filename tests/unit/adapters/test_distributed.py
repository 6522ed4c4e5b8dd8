"""DDP and FSDP, two processes on the CPU."""

import multiprocessing
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from torch.multiprocessing.spawn import start_processes

import distributed_steps
from ilora.artifacts.tensors import read_tensors
from tiny_models import tiny_model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the results of the processes."""
    folder = tmp_path_factory.mktemp("distributed")
    # The fork server imports once for both processes.
    multiprocessing.set_forkserver_preload(["distributed_steps"])
    start_processes(distributed_steps.run, (str(folder),), distributed_steps.PROCESSES, start_method="forkserver")
    return folder


def losses_and_state(folder: Path, way: str) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return the mean loss and the common state of the processes for a kind of step."""
    ranks = range(distributed_steps.PROCESSES)
    found = [read_tensors(folder / f"{way}-{rank}.safetensors") for rank in ranks]
    loss = torch.stack([rank.pop("loss") for rank in found]).mean()
    first, second = found
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    return loss, first


def test_gradients_of_two_halves_are_those_of_the_whole_batch(folder: Path) -> None:
    model = distributed_steps.fresh_model()
    expected = distributed_steps.step(model)
    loss, gradients = losses_and_state(folder, "data_parallel")
    torch.testing.assert_close(loss, expected)
    wanted = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert gradients.keys() == wanted.keys()
    assert "base_model.gates.default.projection.weight" in gradients
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, wanted[name])
        assert gradient.abs().sum() > 0


@pytest.mark.parametrize("way", ["sharded", "sharded_in_one_piece"])
def test_a_step_with_sharded_parameters_is_that_of_one_process(folder: Path, way: str) -> None:
    model, before = distributed_steps.fresh_model(), distributed_steps.fresh_model()
    expected = distributed_steps.step(model)
    loss, state = losses_and_state(folder, way)
    torch.testing.assert_close(loss, expected)
    wanted = distributed_steps.trained_state(model)
    assert state.keys() == wanted.keys()
    assert "base_model.gates.default.projection.weight" in state
    for name, parameter in state.items():
        torch.testing.assert_close(parameter, wanted[name])
        assert not torch.equal(parameter, before.get_parameter(name))


def test_an_adapter_saved_from_shards_is_whole(folder: Path) -> None:
    model = PeftModel.from_pretrained(tiny_model(), folder / "adapter", is_trainable=True)
    _, state = losses_and_state(folder, "sharded")
    found = distributed_steps.trained_state(model)
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in state.items())
    assert not any((folder / "refused").glob("*.safetensors"))

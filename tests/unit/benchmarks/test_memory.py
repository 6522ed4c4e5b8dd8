"""Known allocations, counted to the byte."""

import torch

from ilora.benchmarks.memory import held_bytes, peak_bytes

CPU = torch.device("cpu")


def test_the_peak_is_what_lives_at_one_time() -> None:
    def run() -> None:
        first = torch.empty(1000, dtype=torch.float32)
        second = torch.empty(500, dtype=torch.float64)
        del first
        third = torch.empty(100, dtype=torch.uint8)
        del second, third

    assert peak_bytes(run, CPU) == 1000 * 4 + 500 * 8
    assert peak_bytes(run, CPU) == 1000 * 4 + 500 * 8


def test_what_was_held_before_does_not_count_and_a_view_takes_nothing() -> None:
    held = torch.zeros(1 << 16)
    assert peak_bytes(lambda: held.view(256, 256).transpose(0, 1)[3:].zero_(), CPU) == 0


def test_backward_counts_with_its_gradients() -> None:
    weight = torch.ones(1000, dtype=torch.float64, requires_grad=True)
    factor = torch.ones(1000, dtype=torch.float64)

    def run() -> None:
        (weight * factor).backward(factor)
        weight.grad = None

    # The product, which is no longer needed, and the gradient of the weight.
    assert peak_bytes(run, CPU) == 2 * 1000 * 8


def test_a_shared_storage_is_held_once() -> None:
    tensor = torch.zeros(10, 10, dtype=torch.float32)
    assert held_bytes([tensor, tensor[2:], tensor.detach(), torch.zeros(3, dtype=torch.int64)]) == 400 + 24

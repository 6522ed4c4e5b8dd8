"""Denormal numbers are zeros where a block says so, and nowhere else."""

import pytest
import torch

from ilora.recommenders.denormals import are_flushed, flushed_denormals


def test_they_are_zeros_until_the_end_of_the_block() -> None:
    assert not are_flushed()
    with flushed_denormals():
        assert are_flushed()
        # A weight that shrinks by a penalty ends at 0.
        weight = torch.tensor([2.0**-120])
        for _ in range(20):
            weight *= 0.5
        assert weight.item() == 0
    assert not are_flushed()


def test_they_are_restored_after_an_error_and_where_they_were_zeros_before() -> None:
    with pytest.raises(RuntimeError), flushed_denormals():
        raise RuntimeError
    assert not are_flushed()
    torch.set_flush_denormal(True)
    try:
        with flushed_denormals():
            pass
        assert are_flushed()
    finally:
        torch.set_flush_denormal(False)

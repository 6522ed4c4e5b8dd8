"""The comparisons of the pretrained section on a tiny shape; the times are not checked."""

import copy

import pytest
import torch

from ilora.benchmarks import pretrained
from ilora.benchmarks.adaptations import instance_wise
from ilora.benchmarks.pretrained import AllPositions, batch_of, tuning_claims
from ilora.benchmarks.workloads import Workload, random_llama, twin
from ilora.llm.model.hybrid_model import HybridLanguageModel

TINY = Workload(batch=3, tokens=24, layers=2, hidden_size=32, intermediate_size=48, heads=2, vocabulary_size=40)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_claims_and_what_they_are_held_to(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    monkeypatch.setattr(pretrained, "REPEATS", 2)
    monkeypatch.setattr(pretrained, "_PRODUCT_WIDTH", 32)
    claims = list(tuning_claims(TINY, dtype))
    expected = {"all_positions": 0.8, "pefts_layers": 1.0, "lora": 1.1, "matrix_product": 1 / 0.35}
    if dtype != torch.float32:
        expected["float32"] = 1.0
    assert {claim.claim.removeprefix("smollm2_step_time_vs_"): claim.target for claim in claims} == expected
    assert all(claim.repeats == 2 and claim.hardware.endswith(str(dtype).removeprefix("torch.")) for claim in claims)


def test_all_forms_compute_the_same_loss_and_gradients() -> None:
    base = random_llama(TINY, torch.device("cpu"), torch.float32).requires_grad_(False)
    adapted = instance_wise(twin(base))
    plain = AllPositions(adapted)
    ours = HybridLanguageModel(pretrained._fused(lambda _: copy.deepcopy(adapted))(base))
    batch = batch_of(TINY)
    losses = [model(**batch)["loss"] for model in (plain, ours)]
    for loss in losses:
        loss.backward()
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-5)
    gradients = [
        {name: parameter.grad for name, parameter in model.named_parameters() if parameter.requires_grad}
        for model in (plain, ours)
    ]
    assert gradients[0].keys() == gradients[1].keys() and len(gradients[0]) > 28
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-3, atol=1e-6)

"""The public model class."""

import copy

import pytest
import torch

from ilora.adapters import get_instance_wise_model
from ilora.adapters.gating import lora_layers
from tiny_models import answer, config, instance_wise, lora, padded, random_sequences, representations, tiny_model


def test_a_fresh_adapter_leaves_the_models_answers_as_they_were() -> None:
    batch = padded(random_sequences([5, 3]), "left")
    expected = tiny_model()(**batch).logits
    model = get_instance_wise_model(tiny_model(), lora(), config(4)).eval()
    assert torch.equal(answer(model), expected)


def test_only_adapter_and_gate_are_trained() -> None:
    model = get_instance_wise_model(tiny_model(), lora(), config(4))
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    expected = {name for name, _ in model.named_parameters() if "lora_" in name} | {
        "base_model.gates.default.projection.weight"
    }
    assert trained == expected
    assert len(trained) == 2 * 14 + 1


def test_a_step_of_training_reaches_adapter_and_gate() -> None:
    model = instance_wise(tiny_model(), config(4)).train()
    optimizer = torch.optim.SGD((p for p in model.parameters() if p.requires_grad), lr=0.1)
    batch = padded(random_sequences([5, 3]), "left")
    losses = []
    for _ in range(5):
        loss = model(**batch, labels=batch["input_ids"], sequence_representations=representations(2)).loss
        optimizer.zero_grad()
        loss.backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters() if p.requires_grad)
        optimizer.step()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)


def test_the_load_of_training_is_kept_and_that_of_evaluation_is_not() -> None:
    model = instance_wise(tiny_model(), config(4))
    answer(model)
    assert model.load.read() is None
    answer(model.train())
    load = model.load.read()
    assert load is not None
    assert load.shares == pytest.approx(model.gate(representations(2)).mean(dim=0).tolist())


def test_ids_may_be_given_by_position() -> None:
    model = instance_wise(tiny_model(), config(4))
    (sequence,), z = random_sequences([5]), representations(1)
    by_name = model(input_ids=sequence[None], sequence_representations=z).logits
    assert torch.equal(model(sequence[None], sequence_representations=z).logits, by_name)
    generated = model.generate(sequence[None], sequence_representations=z, max_new_tokens=2)
    assert torch.equal(generated[:, :5], sequence[None])


def test_without_its_adapter_the_base_model_answers() -> None:
    model = instance_wise(tiny_model(), config(4))
    batch = padded(random_sequences([5, 3]), "left")
    with model.disable_adapter():
        assert torch.equal(answer(model), tiny_model()(**batch).logits)


def test_a_copy_is_a_model_of_its_own() -> None:
    model = instance_wise(tiny_model(), config(4))
    expected, duplicate = answer(model), copy.deepcopy(model)
    assert torch.equal(answer(duplicate), expected)
    for layer in lora_layers(duplicate, "default").values():
        assert layer.lora_variant["default"]._expert_weights is duplicate.expert_weights
    torch.nn.init.zeros_(duplicate.gate.projection.weight)
    for name, parameter in duplicate.named_parameters():
        if "lora_A" in name:
            torch.nn.init.zeros_(parameter)
    assert not torch.equal(answer(duplicate), expected)
    assert torch.equal(answer(model), expected)
    with duplicate.gated(representations(2)), pytest.raises(RuntimeError, match="no expert weights are set"):
        model.get_base_model()(**padded(random_sequences([5, 3]), "left"))


def test_threads_of_data_parallel_would_share_the_gates_and_are_refused() -> None:
    model = instance_wise(tiny_model(), config(4))
    with pytest.raises(RuntimeError, match="use DistributedDataParallel"):
        model.base_model._replicate_for_data_parallel()


def test_a_second_attempt_after_a_refused_one_is_as_good_as_the_first() -> None:
    expected = answer(instance_wise(tiny_model(), config(4)))
    base = tiny_model()
    with pytest.raises(ValueError, match="found rank 6"):
        get_instance_wise_model(base, lora(rank=6), config(4))
    assert torch.equal(answer(instance_wise(base, config(4))), expected)

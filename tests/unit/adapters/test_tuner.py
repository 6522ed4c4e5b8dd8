"""Features that PEFT users expect: several adapters on one model, mixed batches, and unchanged settings."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from peft.tuners.lora import Linear
from transformers import MambaConfig, MambaForCausalLM, OPTForCausalLM, XLNetLMHeadModel

from ilora.adapters import InstanceWiseConfig, InstanceWiseLoraConfig, get_instance_wise_model
from ilora.adapters.gate_inputs import collapse_tokens
from tiny_models import (
    HIDDEN,
    config,
    instance_wise,
    lora,
    padded,
    random_sequences,
    randomise,
    representations,
    tiny_model,
)


def settings(experts: int = 4, **values: Any) -> InstanceWiseLoraConfig:
    given = {"r": 8, "lora_alpha": 16, "target_modules": "all-linear", **values}
    return InstanceWiseLoraConfig(**given, instance_wise=config(experts))


def batch(rows: int = 3) -> dict[str, torch.Tensor]:
    return padded(random_sequences([5] * rows), "left")


@torch.no_grad()
def answer(model: PeftModel, **options: Any) -> torch.Tensor:
    logits: torch.Tensor = model(**batch(), sequence_representations=representations(3), **options).logits
    return logits


@pytest.fixture
def two() -> PeftModel:
    """A model with the adapters ``default`` (K = 4) and ``other`` (K = 2), both far from their initial weights."""
    model = instance_wise(tiny_model(), config(4))
    model.add_adapter("other", settings(2, r=4, target_modules=["q_proj", "down_proj"]))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".other." in name:
                parameter.normal_(std=0.5, generator=torch.Generator().manual_seed(len(name)))
    return model.eval()


def test_peft_makes_it_of_its_settings_as_this_library_does() -> None:
    torch.manual_seed(0)
    ours = get_instance_wise_model(tiny_model(), lora(), config(4))
    torch.manual_seed(0)
    theirs = get_peft_model(tiny_model(), settings())
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    same_seed = {name: tensor for name, tensor in theirs.state_dict().items()}
    assert all(torch.equal(same_seed[name], tensor) for name, tensor in ours.state_dict().items())


def test_the_callers_settings_stay_as_they_are_and_serve_again() -> None:
    plain, gated = lora(), settings()
    before = plain.to_dict(), gated.to_dict()
    for seed in (0, 1):
        get_instance_wise_model(tiny_model(seed=seed), plain, config(4))
        get_peft_model(tiny_model(seed=seed), gated)
    assert (plain.to_dict(), gated.to_dict()) == before
    assert type(get_peft_model(tiny_model(), plain)) is type(get_peft_model(tiny_model(), gated))


@pytest.mark.filterwarnings("ignore:You are trying to modify a model with PEFT for a second time")
def test_a_base_model_is_wrapped_once() -> None:
    base = tiny_model()
    model = get_peft_model(base, settings())
    with pytest.raises(ValueError, match="already has an instance-wise adapter: add another with add_adapter"):
        get_peft_model(base, settings())
    model.unload()
    get_peft_model(base, settings())


@pytest.mark.parametrize("initialisation", ["pissa", "pissa_niter_2", "olora", "orthogonal", "lora_ga"])
def test_what_changes_the_base_models_weights_is_refused_by_name(initialisation: str) -> None:
    with pytest.raises(ValueError, match=rf"init_lora_weights: found '{initialisation}', expected True, False"):
        settings(init_lora_weights=initialisation)


def test_the_config_and_the_embeddings_are_the_base_models() -> None:
    base = tiny_model()
    model = get_peft_model(base, settings())
    assert model.config is base.config
    assert model.generation_config is base.generation_config
    assert model.get_input_embeddings() is base.get_input_embeddings()
    assert (model.device, model.dtype) == (base.device, base.dtype)


def test_the_gate_counts_among_the_trainable_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    model = get_peft_model(tiny_model(), settings(target_modules=["q_proj"]))
    model.print_trainable_parameters()
    assert f"trainable params: {2 * 2 * 8 * HIDDEN + 4 * 6:,d} ||" in capsys.readouterr().out


def test_each_adapter_has_its_gate_and_the_active_one_answers(two: PeftModel) -> None:
    alone = instance_wise(tiny_model(), config(4))
    assert torch.equal(answer(two), answer(alone))
    two.set_adapter("other")
    assert two.gate_config == config(2)
    assert not torch.allclose(answer(two), answer(alone))
    two.set_adapter("default")
    assert torch.equal(answer(two), answer(alone))
    two.delete_adapter("other")
    assert list(two.gates) == ["default"]
    assert torch.equal(answer(two), answer(alone))


def test_only_the_active_adapter_is_trained(two: PeftModel) -> None:
    for active in ("other", "default"):
        two.set_adapter(active)
        trained = {name for name, parameter in two.named_parameters() if parameter.requires_grad}
        assert trained == {name for name, _ in two.named_parameters() if f".{active}." in name}


def test_rows_of_one_batch_have_adapters_of_their_own_or_none(two: PeftModel) -> None:
    names = ["other", "__base__", "default"]
    found = answer(two, adapter_names=names)
    torch.testing.assert_close(found[2], answer(two)[2])
    two.set_adapter("other")
    torch.testing.assert_close(found[0], answer(two)[0])
    with two.disable_adapter():
        torch.testing.assert_close(found[1], answer(two)[1])


@pytest.mark.parametrize("beams", [1, 2])
def test_so_they_have_when_they_generate(two: PeftModel, beams: int) -> None:
    options: dict[str, Any] = {"max_new_tokens": 4, "num_beams": beams, "do_sample": False}
    z = representations(3)
    found = two.generate(
        **batch(), sequence_representations=z, adapter_names=["other", "__base__", "default"], **options
    )
    assert torch.equal(found[2], two.generate(**batch(), sequence_representations=z, **options)[2])
    with two.disable_adapter():
        assert torch.equal(found[1], two.generate(**batch(), **options)[1])
    two.set_adapter("other")
    assert torch.equal(found[0], two.generate(**batch(), sequence_representations=z, **options)[0])


def test_rows_without_representation_are_counted(two: PeftModel) -> None:
    with pytest.raises(ValueError, match="found 3 rows, expected 2, one for each of adapter_names"):
        answer(two, adapter_names=["other", "default"])


def test_the_state_of_an_adapter_is_taken_and_put_into_another(two: PeftModel) -> None:
    state = {name: tensor.clone() for name, tensor in get_peft_model_state_dict(two, adapter_name="default").items()}
    other = get_peft_model(tiny_model(), settings())
    set_peft_model_state_dict(other, state)
    assert torch.equal(answer(other.eval()), answer(two))


@pytest.mark.parametrize(
    "options", [{}, {"low_cpu_mem_usage": True}, {"torch_device": "cpu"}, {"adapter_name": "mine"}]
)
def test_peft_loads_it_in_each_of_its_ways(options: dict[str, Any], tmp_path: Path) -> None:
    model = instance_wise(tiny_model(), config(4))
    model.save_pretrained(str(tmp_path))
    loaded = PeftModel.from_pretrained(tiny_model(), str(tmp_path), **options)
    assert torch.equal(answer(loaded), answer(model))
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


@pytest.mark.parametrize(
    "values",
    [{"modules_to_save": ["embed_tokens"]}, {"layer_replication": [[0, 2], [1, 2]]}],
    ids=lambda v: next(iter(v)),
)
def test_a_base_model_that_peft_changes_is_known_again(values: dict[str, Any], tmp_path: Path) -> None:
    model = get_peft_model(tiny_model(), settings(**values))
    randomise(model)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1
    model.save_pretrained(str(tmp_path))
    assert torch.equal(answer(PeftModel.from_pretrained(tiny_model(), str(tmp_path))), answer(model.eval()))


def test_a_gate_that_reads_the_tokens_refuses_a_part_of_the_prompt() -> None:
    model = instance_wise(tiny_model(), config(4, gate_input="token_collapsed"))
    inputs = batch(1)
    first = model(**inputs, use_cache=True)
    token, mask = torch.tensor([[3]]), torch.ones(1, 6, dtype=torch.long)
    with pytest.raises(ValueError, match=r"found shape \(1, 6\), expected that of the tokens, \(1, 1\)"):
        model(input_ids=token, attention_mask=mask, past_key_values=first.past_key_values)
    embeddings = model.get_input_embeddings()(inputs["input_ids"])
    with model.gated(collapse_tokens(embeddings, inputs["attention_mask"].bool())):
        cached = model(input_ids=token, attention_mask=mask, past_key_values=first.past_key_values).logits[:, -1]
        whole = torch.cat([inputs["input_ids"], token], dim=1)
        torch.testing.assert_close(cached, model(input_ids=whole, attention_mask=mask).logits[:, -1])


def test_what_overflows_in_the_gates_own_precision_is_refused() -> None:
    model = instance_wise(tiny_model(dtype=torch.float16), config(4))
    model.gate.half()
    with pytest.raises(ValueError, match=r"the gate gave NaN.* in batch rows \[\d"):
        model(**batch(), sequence_representations=1e6 * representations(3))


@pytest.mark.parametrize("z", [[[0.0] * 6] * 3, representations(3).numpy()], ids=["list", "array"])
def test_representations_that_are_no_tensor_are_named(z: Any) -> None:
    with pytest.raises(TypeError, match=r"sequence_representations: found (list|ndarray), expected a torch\.Tensor"):
        instance_wise(tiny_model(), config(4))(**batch(), sequence_representations=z)


@pytest.mark.parametrize(
    ("base", "modules", "message"),
    [
        (OPTForCausalLM, ["q_proj", "fc1"], r"layers\.0\.fc1: a opt model gives this layer all tokens"),
        (XLNetLMHeadModel, ["layer_1"], r"a xlnet model computes with \(tokens, rows, width\)"),
    ],
)
def test_layers_that_do_not_keep_sequences_apart_are_refused_at_once(
    base: Any, modules: list[str], message: str
) -> None:
    shape = {"num_hidden_layers": 1, "n_layer": 1, "num_attention_heads": 2, "n_head": 2, "vocab_size": 40}
    widths = {"hidden_size": 16, "d_model": 16, "ffn_dim": 16, "d_inner": 16, "word_embed_proj_dim": 16}
    model = base(base.config_class(**shape, **widths))
    with pytest.raises(ValueError, match=message):
        get_peft_model(model, settings(target_modules=modules))


def test_a_layer_that_its_model_computes_without_calling_it_is_refused_as_by_pefts_lora() -> None:
    """Mamba's kernels read the weight of out_proj directly, so an adapter there would never be computed."""
    shape: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 1, "vocab_size": 40, "state_size": 4}
    model = MambaForCausalLM(MambaConfig(**shape))
    with pytest.raises(ValueError, match="Module 'out_proj' is incompatible with Mamba-based models"):
        get_peft_model(model, settings(target_modules=["in_proj", "out_proj"]))


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")
def test_checkpointing_of_the_base_model_alone_never_takes_the_gates_around_backward() -> None:
    model = instance_wise(tiny_model(), config(4)).train()
    inner: Any = model.get_base_model()
    inner.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    loss = model(**batch(), labels=batch()["input_ids"], sequence_representations=representations(3)).loss
    message = "Enable gradient checkpointing with"
    with model.gated(representations(3, seed=9)), pytest.raises(RuntimeError, match=message):
        loss.backward()


def test_one_row_is_too_few_for_the_residual_gate_in_training() -> None:
    model = instance_wise(tiny_model(), config(4, gate="residual_convolution", width=3)).train()
    with pytest.raises(ValueError, match="found 1 row of width 3 in training, expected 2 or more rows"):
        model(**batch(1), sequence_representations=torch.zeros(1, 3))


def test_generation_in_training_mode_leaves_statistics_and_load_alone() -> None:
    model = instance_wise(tiny_model(), config(4, gate="residual_convolution")).train()
    before = copy.deepcopy(model.gate.state_dict())
    model.generate(**batch(), sequence_representations=representations(3), max_new_tokens=2, num_beams=2)
    assert all(torch.equal(model.gate.state_dict()[name], tensor) for name, tensor in before.items())
    assert model.load.read() is None
    assert all(module.training for module in model.gate.modules())


def test_the_beams_of_the_models_own_generation_config_count() -> None:
    model = instance_wise(tiny_model(), config(4))
    z = representations(3)
    expected = model.generate(**batch(), sequence_representations=z, max_new_tokens=3, num_beams=2)
    outer = copy.deepcopy(model.generation_config)
    outer.num_beams = 2
    model.generation_config = outer
    assert torch.equal(model.generate(**batch(), sequence_representations=z, max_new_tokens=3), expected)


@pytest.mark.slow
def test_a_forward_pass_compiles_whole_and_is_exported() -> None:
    torch._dynamo.reset()
    base = tiny_model(num_hidden_layers=1, use_cache=False)
    model = instance_wise(base, config(4), lora(target_modules=["q_proj", "down_proj"]))
    inputs = {**batch(), "sequence_representations": representations(3)}
    expected = model(**inputs).logits
    compiled: Callable[..., Any] = torch.compile(model, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(**inputs).logits, expected)
    exported = torch.export.export(model, (), inputs, strict=False).module()
    torch.testing.assert_close(exported(**inputs).logits, expected)
    with pytest.raises(RuntimeError, match="the gate gave NaN"):
        compiled(**{**inputs, "sequence_representations": torch.full((3, 6), float("nan"))})


def test_the_layers_are_pefts_own() -> None:
    model = get_peft_model(tiny_model(), settings())
    assert {type(module) for module in model.modules() if hasattr(module, "lora_A")} == {Linear}
    assert isinstance(model.peft_config["default"], LoraConfig)
    read: Any = model.peft_config["default"]
    assert isinstance(read.instance_wise, InstanceWiseConfig)

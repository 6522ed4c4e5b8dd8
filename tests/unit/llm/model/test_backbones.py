"""Loading a backbone from an incomplete folder, or from one with custom code."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, BertConfig, BertForMaskedLM

from ilora.configuration.sections.backbone import BackboneSource
from ilora.configuration.tuning import AdapterShape
from ilora.llm.model.backbones import (
    BackboneError,
    load_causal_model,
    load_configuration,
    load_encoder,
    load_tokenizer,
)
from ilora.llm.training.memory_estimate import StepTracer
from small_tuning import SMALL_TUNING
from tiny_models import ARCHITECTURES, tiny_model
from tiny_tokenizers import chat_tokenizer

HEAD = "lm_head.weight"


def saved(folder: Path, change: Callable[[dict[str, torch.Tensor]], object], **config: Any) -> BackboneSource:
    """Write a Llama with a changed weights file."""
    tiny_model("llama", hidden_size=64, intermediate_size=64, **config).save_pretrained(folder)
    file = folder / "model.safetensors"
    weights = load_file(file)
    change(weights)
    save_file(weights, file, metadata={"format": "pt"})
    return BackboneSource(name=str(folder))


def rename_head(weights: dict[str, torch.Tensor]) -> None:
    weights["head.weight"] = weights.pop(HEAD)


def cut_head(weights: dict[str, torch.Tensor]) -> None:
    weights[HEAD] = weights[HEAD][:-1].clone()


@pytest.mark.parametrize("quantization", [None, "nf4"])
@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda weights: weights.pop(HEAD), rf"{HEAD}\. They would be random"),
        (rename_head, rf"{HEAD}\. They"),
        (cut_head, rf"{HEAD} \(found \(39, 64\), expected \(40, 64\)\)\. They"),
    ],
)
def test_weights_that_are_not_there_are_named(
    tmp_path: Path, change: Callable[[dict[str, torch.Tensor]], object], named: str, quantization: str | None
) -> None:
    source = saved(tmp_path, change).model_copy(update={"quantization": quantization})
    with pytest.raises(BackboneError, match=f"{tmp_path}: 1 of the model's weights are missing .*: {named}"):
        load_causal_model(source)


def test_of_many_missing_weights_some_are_named(tmp_path: Path) -> None:
    source = saved(tmp_path, lambda weights: [weights.pop(name) for name in sorted(weights) if "layers.1" in name][0])
    with pytest.raises(BackboneError, match=r"9 of the model's weights .*: (model\.layers\.1\.[a-z_.]+, ){5}\.\.\.\. "):
        load_causal_model(source)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_tied_weights_and_buffers_are_not_missed(tmp_path: Path, kind: str) -> None:
    tied = tiny_model(kind, tie_word_embeddings=True)
    tied.save_pretrained(tmp_path)
    assert HEAD not in load_file(tmp_path / "model.safetensors")
    loaded = load_causal_model(BackboneSource(name=str(tmp_path), attention="eager")).state_dict()
    assert all(torch.equal(loaded[name], weight) for name, weight in tied.state_dict().items())


def test_an_encoder_may_lack_what_nothing_reads(tmp_path: Path) -> None:
    shape: dict[str, Any] = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    BertForMaskedLM(BertConfig(vocab_size=9, **shape)).save_pretrained(tmp_path)
    assert load_encoder(BackboneSource(name=str(tmp_path))).config.model_type == "bert"
    file = tmp_path / "model.safetensors"
    weights = load_file(file)
    del weights["bert.embeddings.word_embeddings.weight"]
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(BackboneError, match=r"1 of the model's weights .*: embeddings\.word_embeddings\.weight\. They"):
        load_encoder(BackboneSource(name=str(tmp_path)))


def with_own_code(folder: Path, model_type: str) -> Path:
    """Write a model whose module creates a file when it is run, and return the path of that file."""
    tiny_model("llama").save_pretrained(folder)
    chat_tokenizer("llama_3").save_pretrained(folder)
    ran = folder / "ran"
    (folder / "own.py").write_text(
        f"open({str(ran)!r}, 'w').close()\n"
        "from transformers import LlamaConfig as Config, LlamaForCausalLM as Model\n"
        "from transformers import PreTrainedTokenizerFast as Tokenizer\n",
        encoding="utf-8",
    )
    model = {"AutoConfig": "own.Config", "AutoModel": "own.Model", "AutoModelForCausalLM": "own.Model"}
    added = {
        "config.json": {"auto_map": model, "model_type": model_type},
        "tokenizer_config.json": {"auto_map": {"AutoTokenizer": [None, "own.Tokenizer"]}, "tokenizer_class": "Own"},
    }
    for name, values in added.items():
        file = folder / name
        file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **values}), encoding="utf-8")
    return ran


@pytest.fixture
def yes_to_all(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answer yes to every prompt, and return the prompts."""
    asked: list[str] = []

    def answer(question: str = "") -> str:
        asked.append(question)
        return "y"

    monkeypatch.setattr("builtins.input", answer)
    return asked


@pytest.mark.parametrize("load", [load_configuration, load_tokenizer, load_causal_model, load_encoder])
def test_a_models_own_code_is_not_run_and_nobody_is_asked(
    tmp_path: Path, yes_to_all: list[str], load: Callable[[BackboneSource], Any]
) -> None:
    ran = with_own_code(tmp_path, model_type="own")
    with pytest.raises(BackboneError, match=f"{tmp_path}: needs custom code .* which is never run"):
        load(BackboneSource(name=str(tmp_path)))
    assert not ran.exists() and not yes_to_all


def test_a_model_of_transformers_is_loaded_without_the_code_beside_it(tmp_path: Path, yes_to_all: list[str]) -> None:
    ran = with_own_code(tmp_path, model_type="llama")
    model = load_causal_model(BackboneSource(name=str(tmp_path)))
    assert type(model).__module__ == "transformers.models.llama.modeling_llama"
    assert not ran.exists() and not yes_to_all


def test_a_plan_runs_no_code_of_a_model(tmp_path: Path, yes_to_all: list[str]) -> None:
    """Plan for an architecture that transformers knows, but not as a causal language model."""
    ran = with_own_code(tmp_path, model_type="llama")
    known = AutoConfig.for_model("t5", auto_map={"AutoModelForCausalLM": "own.Model"}, hidden_size=16)
    known._name_or_path = str(tmp_path)
    source = BackboneSource(name=str(tmp_path))
    shape = AdapterShape(SMALL_TUNING.finetuning, SMALL_TUNING.kind)
    with pytest.raises(BackboneError, match="needs custom code"):
        StepTracer.of(known, shape, 4, source, gradient_checkpointing=False)
    assert not ran.exists() and not yes_to_all

"""Conversion of a GGUF file to a loadable model folder, and errors about unsuitable files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, GGUFWriter
from safetensors import safe_open
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from ilora.configuration.sections.backbone import BackboneSource
from ilora.llm.gguf.contents import read_gguf
from ilora.llm.gguf.conversion import CONVERTED_FILES, convert_gguf
from ilora.llm.model.backbones import BackboneError, load_causal_model, load_tokenizer
from small_gguf import TEMPLATE, rounded, small_llama, small_tokenizer, write_gguf

TEXT = "The Ape (1995) and  1996's Alien.\nThe user"


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return small_tokenizer()


@pytest.fixture
def llama(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    return small_llama(tokenizer)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "small.gguf"


def converted(path: Path) -> BackboneSource:
    """Convert a file to a folder next to it."""
    folder = path.with_suffix("")
    convert_gguf(read_gguf(path), folder)
    assert sorted(file.name for file in folder.iterdir()) == sorted(CONVERTED_FILES)
    return BackboneSource(name=str(folder))


@torch.inference_mode()
def logits(model: Any) -> torch.Tensor:
    tokens = torch.arange(40)[None] % model.config.vocab_size
    found: torch.Tensor = model(input_ids=tokens).logits
    return found


@pytest.mark.parametrize("kind", [GGMLQuantizationType.F32, GGMLQuantizationType.F16, GGMLQuantizationType.Q8_0])
def test_the_model_is_that_of_the_file(
    path: Path, llama: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, kind: GGMLQuantizationType
) -> None:
    write_gguf(path, llama, tokenizer, kind=kind)
    expected = rounded(llama, kind)
    model = load_causal_model(converted(path))
    assert model.dtype == torch.float32 and not hasattr(model.config, "quantization_config")
    state = expected.state_dict()
    assert all(torch.equal(weight, state[name]) for name, weight in model.state_dict().items())
    torch.testing.assert_close(logits(model), logits(expected), rtol=0, atol=0)


def test_a_q8_0_file_is_close_to_the_model_that_was_rounded(
    path: Path, llama: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    write_gguf(path, llama, tokenizer, kind=GGMLQuantizationType.Q8_0)
    found, expected = logits(load_causal_model(converted(path))), logits(llama)
    assert 0 < (found - expected).abs().max() < 0.05 * expected.abs().max()


def test_the_tokenizer_is_that_of_the_file(
    path: Path, llama: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    write_gguf(path, llama, tokenizer)
    source = converted(path)
    loaded = load_tokenizer(source)
    assert loaded(TEXT).input_ids == tokenizer(TEXT).input_ids
    assert loaded.decode(loaded(TEXT).input_ids) == TEXT
    assert (loaded.eos_token, loaded.pad_token) == (tokenizer.eos_token, tokenizer.pad_token)
    assert loaded.chat_template == TEMPLATE
    assert load_causal_model(source).generation_config.eos_token_id == tokenizer.eos_token_id


def test_digits_stand_apart_where_the_model_has_learnt_so(
    path: Path, llama: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    write_gguf(path, llama, tokenizer, pre_tokenizer="smollm")
    backend = load_tokenizer(converted(path)).backend_tokenizer
    assert [part for part, _ in backend.pre_tokenizer.pre_tokenize_str("a  1995")] == ["a", "ĠĠ", "1", "9", "9", "5"]


def test_what_a_record_tells_of_it(path: Path, llama: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    write_gguf(path, llama, tokenizer, kind=GGMLQuantizationType.Q8_0)
    contents = read_gguf(path)
    assert contents.facts == {
        "name": "small llama",
        "organization": None,
        "license": "apache-2.0",
        "architecture": "llama",
        "tensor_types": {"F32": 5, "Q8_0": 15},
    }
    assert convert_gguf(contents, path.with_suffix("")) == llama.num_parameters()


def test_the_same_file_gives_the_same_bytes(
    path: Path, tmp_path: Path, llama: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    write_gguf(path, llama, tokenizer)
    for name in ("first", "second"):
        convert_gguf(read_gguf(path), tmp_path / name)
    assert all((tmp_path / "first" / f).read_bytes() == (tmp_path / "second" / f).read_bytes() for f in CONVERTED_FILES)
    with safe_open(tmp_path / "first" / "model.safetensors", "pt") as file:
        assert {file.get_slice(name).get_dtype() for name in file.keys()} == {"F32"}  # noqa: SIM118


@pytest.mark.parametrize("kept", [0.2, 0.6, 0.99])
def test_a_file_that_is_cut_off_is_named(
    path: Path, llama: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, kept: float
) -> None:
    write_gguf(path, llama, tokenizer)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(
        BackboneError, match=rf"{path}: is truncated or damaged: found {int(kept * len(content))} bytes"
    ):
        read_gguf(path)


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs.github.com/spec/v1", b"GGML" + bytes(100)])
def test_another_file_is_named(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(BackboneError, match=rf"{path}: begins with .*, expected b'GGUF': it is not a GGUF file"):
        read_gguf(path)


def test_a_file_without_a_tokenizer_is_named(path: Path, llama: LlamaForCausalLM) -> None:
    write_gguf(path, llama, None)
    with pytest.raises(BackboneError, match=r"found no tokenizer \(key tokenizer.ggml.tokens\)"):
        read_gguf(path)


def test_an_unknown_architecture_is_named(
    path: Path, llama: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    write_gguf(path, llama, tokenizer, architecture="plamo9")
    with pytest.raises(BackboneError, match=rf"{path}: found the architecture plamo9, for which transformers"):
        convert_gguf(read_gguf(path), path.with_suffix(""))
    assert not path.with_suffix("").exists()


def test_an_unknown_split_of_text_is_named(
    path: Path, llama: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    """transformers would silently use GPT-2's instead."""
    write_gguf(path, llama, tokenizer, pre_tokenizer="of-tomorrow")
    with pytest.raises(BackboneError, match=r"found tokenizer.ggml.pre of-tomorrow, which transformers .* does not"):
        convert_gguf(read_gguf(path), path.with_suffix(""))


def test_a_missing_weight_is_named(path: Path, llama: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    write_gguf(path, llama, tokenizer, omitted="blk.1.ffn_up.weight")
    with pytest.raises(BackboneError, match=r"1 of the model's weights are missing .*layers\.1\.mlp\.up_proj\.weight"):
        convert_gguf(read_gguf(path), path.with_suffix(""))
    assert not path.with_suffix("").exists()


def test_weights_that_are_not_finite_are_named(
    path: Path, llama: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    with torch.no_grad():
        llama.model.norm.weight[3] = torch.nan
    write_gguf(path, llama, tokenizer)
    with pytest.raises(BackboneError, match=r"model\.norm\.weight holds NaN or infinity"):
        convert_gguf(read_gguf(path), path.with_suffix(""))


def test_stretched_positions_are_refused(
    path: Path, llama: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    """transformers silently ignores these factors, and every logit would be wrong."""
    write_gguf(path, llama, tokenizer, extra={"rope_freqs.weight": np.ones(8, dtype=np.float32)})
    with pytest.raises(BackboneError, match=r"scales its rotary positions \(rope_freqs\.weight\)"):
        read_gguf(path)


def test_one_part_of_several_is_refused(path: Path) -> None:
    writer = GGUFWriter(path, "llama")
    writer.add_uint16("split.count", 3)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(BackboneError, match=rf"{path}: is one of 3 parts, expected a whole model"):
        read_gguf(path)

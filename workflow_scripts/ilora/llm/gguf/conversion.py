"""Conversion of a GGUF file to a dequantized model folder that transformers can load."""

import tempfile
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig, GgufConfig, PreTrainedTokenizerFast

from ilora.artifacts.writing import atomic_path
from ilora.llm.gguf.contents import GgufContents
from ilora.llm.gguf.tokenizer import load_gguf_tokenizer
from ilora.llm.model.backbones import BackboneError, check_complete, lacking_weights

#: Files of a converted folder. The chat template is in tokenizer_config.json, the tokens that end an answer in
#: generation_config.json.
CONVERTED_FILES = (
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
)

#: Name of a link to the file, alone in a folder, so that unrelated files next to the original are not read.
_LINK = "model.gguf"

#: Larger than any model, so that the weights are in one file, which a rule can name.
_ONE_FILE = "1000TB"


def convert_gguf(contents: GgufContents, folder: Path) -> int:
    """Write the model of a GGUF file as configuration, float32 safetensors and tokenizer, each file atomically.

    Weights are dequantized without further rounding, whatever their type.

    Args:
        contents: contents of the file, from `ilora.llm.gguf.contents.read_gguf`.
        folder: output folder.

    Returns:
        Number of parameters of the model.

    Raises:
        BackboneError: transformers cannot read this architecture from GGUF, or has no causal language model for it;
            weights are missing, of another shape or not finite; or the tokenizer cannot be loaded.
    """
    with tempfile.TemporaryDirectory() as temporary:
        (Path(temporary) / _LINK).symlink_to(contents.path.resolve())
        _check_architecture(contents, temporary)
        tokenizer = load_gguf_tokenizer(contents, Path(temporary), _LINK)
        model = _savable(_load(contents, temporary), tokenizer, contents)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".partial") as temporary:
        model.save_pretrained(temporary, max_shard_size=_ONE_FILE)
        tokenizer.save_pretrained(temporary, save_jinja_files=False)
        for name in CONVERTED_FILES:
            with atomic_path(folder / name) as place:
                (Path(temporary) / name).replace(place)
    return int(model.num_parameters())


def _check_architecture(contents: GgufContents, folder: str) -> None:
    try:
        AutoConfig.from_pretrained(folder, gguf_file=_LINK)
    except (ValueError, KeyError, NotImplementedError) as error:
        raise _not_read(contents, error) from error


def _load(contents: GgufContents, folder: str) -> Any:
    # The type annotations do not cover `output_loading_info`.
    factory: Any = AutoModelForCausalLM
    try:
        model, info = factory.from_pretrained(
            folder,
            gguf_file=_LINK,
            dtype=torch.float32,
            quantization_config=GgufConfig(dequantize=True),
            output_loading_info=True,
            ignore_mismatched_sizes=True,
        )
    except (ValueError, KeyError, NotImplementedError, RuntimeError) as error:
        raise _not_read(contents, error) from error
    check_complete(str(contents.path), lacking_weights(info))
    return model


def _not_read(contents: GgufContents, error: Exception) -> BackboneError:
    return BackboneError(
        f"{contents.path}: found the architecture {contents.architecture}, for which transformers "
        f"{transformers.__version__} cannot read a language model from GGUF ({error}). Set backbone.name to the "
        "model's directory of safetensors, or to its name on the hub."
    )


def _savable(loaded: Any, tokenizer: PreTrainedTokenizerFast, contents: GgufContents) -> Any:
    """Return the same model without the quantization config, with which transformers refuses to save it."""
    values = {key: value for key, value in loaded.config.to_dict().items() if key != "quantization_config"}
    config = type(loaded.config).from_dict(values)
    config.bos_token_id, config.pad_token_id = tokenizer.bos_token_id, tokenizer.pad_token_id
    config.eos_token_id = _ends(tokenizer, contents)
    state = loaded.state_dict()
    broken = [name for name, weight in state.items() if not weight.isfinite().all()]
    if broken:
        raise BackboneError(f"{contents.path}: {broken[0]} holds NaN or infinity: it is damaged. Get it again.")
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    # The weights are assigned, not copied, so that a large model is not held twice.
    model.load_state_dict(state, assign=True)
    model.tie_weights()
    model.generation_config = GenerationConfig.from_model_config(config)
    return model


def _ends(tokenizer: PreTrainedTokenizerFast, contents: GgufContents) -> int | list[int] | None:
    """Return the tokens that end an answer: the tokenizer's end token and, if it differs, the end-of-turn token."""
    of_turn = contents.metadata.get("tokenizer.ggml.eot_token_id")
    ends = [token for token in dict.fromkeys([tokenizer.eos_token_id, of_turn]) if token is not None]
    return ends if len(ends) > 1 else next(iter(ends), None)

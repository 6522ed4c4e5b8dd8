"""The tokenizer of a GGUF file, with the pre-tokenization of the original model."""

from pathlib import Path

import transformers
from tokenizers import Tokenizer, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from ilora.llm.gguf.contents import GgufContents
from ilora.llm.model.backbones import BackboneError

#: llama.cpp's names of pre-tokenizers that equal GPT-2's, which transformers uses for every name that it does not know.
_AS_GPT2 = frozenset({"gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion", "exaone4"})

#: Names of pre-tokenizers that first split off each digit.
_DIGITS_APART = frozenset({"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"})


def load_gguf_tokenizer(contents: GgufContents, folder: Path, file: str) -> PreTrainedTokenizerFast:
    """Load the tokenizer of a GGUF file.

    Args:
        contents: contents of the file.
        folder: folder that holds the file and nothing else that transformers could read.
        file: name of the file in the folder.

    Raises:
        BackboneError: transformers cannot build it, or would split text differently from the original model.
    """
    try:
        described: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(folder, gguf_file=file)
    except (ValueError, KeyError, IndexError, TypeError, NotImplementedError) as error:
        raise BackboneError(
            f"{contents.path}: transformers {transformers.__version__} cannot build its tokenizer "
            f"({contents.metadata.get('tokenizer.ggml.model')}): {error}. Set backbone.name to a directory with the "
            "model's tokenizer and safetensors."
        ) from error
    _split_as_learnt(described.backend_tokenizer, contents)
    # Rebuilt, so that it is saved without details of how and from where it was loaded.
    return PreTrainedTokenizerFast(
        tokenizer_object=described.backend_tokenizer,
        bos_token=described.bos_token,
        eos_token=described.eos_token,
        unk_token=described.unk_token,
        pad_token=described.pad_token,
        chat_template=described.chat_template,
        clean_up_tokenization_spaces=False,
    )


def _split_as_learnt(backend: Tokenizer, contents: GgufContents) -> None:
    # If transformers knows the name, it adds its own split before the byte level.
    if not isinstance(backend.pre_tokenizer, pre_tokenizers.ByteLevel) or contents.pre_tokenizer in _AS_GPT2:
        return
    if contents.pre_tokenizer not in _DIGITS_APART:
        raise BackboneError(
            f"{contents.path}: found tokenizer.ggml.pre {contents.pre_tokenizer}, which transformers "
            f"{transformers.__version__} does not know: text would be split differently from the original model. "
            "Set backbone.name to a directory with the model's tokenizer and safetensors."
        )
    digits = pre_tokenizers.Digits(individual_digits=True)
    backend.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])

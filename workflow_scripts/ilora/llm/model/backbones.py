"""Loading a backbone: the embedded one, a local directory, or a model on the Hugging Face hub."""

import os
import socket
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    GenerationConfig,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
)

from ilora.artifacts.json_files import read_json
from ilora.artifacts.records import check_folder
from ilora.configuration.sections.backbone import BackboneSource, Precision

#: Data type of the frozen weights and of the computation.
DTYPES: dict[Precision, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}

#: Number of weights that an error message lists.
_NAMED_WEIGHTS = 5

#: Name fragment of the pooler that some encoders have after their last hidden states. Nothing reads it, and masked
#: language models are published without it.
_UNREAD_OF_ENCODERS = "pooler."


class BackboneError(RuntimeError):
    """A backbone cannot be loaded; the message says what to do."""


def access_refused(name: str) -> BackboneError:
    """Return the error for a model that this account cannot access on the hub, or that does not exist."""
    return BackboneError(
        f"{name}: the hub denies access. Request it on the model's page, then set HF_TOKEN to a token of the account "
        "that has access, or set backbone.name to a local directory."
    )


@contextmanager
def refusing_own_code(name: str) -> Iterator[dict[str, Any]]:
    """Yield the argument that stops transformers from running a model's own code, or prompting for permission to.

    Args:
        name: name of the model, for the error message.

    Raises:
        BackboneError: if the model cannot be loaded without its own code.
    """
    try:
        yield {"trust_remote_code": False}
    except ValueError as error:
        if "trust_remote_code" not in str(error):
            raise
        raise BackboneError(
            f"{name}: needs custom code (auto_map in config.json or tokenizer_config.json), which is never run. "
            "Set backbone.name to a model whose architecture is part of transformers"
        ) from error


def device() -> torch.device:
    """Return this process's GPU (the first, unless several processes share a training), or the CPU without one.

    Raises:
        BackboneError: if Slurm allocated GPUs to this job and PyTorch sees none.
    """
    if not torch.cuda.is_available():
        given = os.environ.get("SLURM_JOB_GPUS") or os.environ.get("SLURM_STEP_GPUS")
        if given:
            raise BackboneError(
                f"{socket.gethostname()}: Slurm gave this job the GPUs {given}, but PyTorch {torch.__version__} (CUDA "
                f"{torch.version.cuda}) sees none. The node's driver may be too old for it, or a container lacks --nv"
            )
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))


def load_tokenizer(source: BackboneSource) -> PreTrainedTokenizerBase:
    """Load a backbone's tokenizer, with a padding token.

    Raises:
        BackboneError: if it cannot be found, the hub denies access, or it has no token to pad with.
        ilora.artifacts.errors.ArtifactError: if the workflow wrote it, and its files have changed since.
    """
    return with_padding(_load(AutoTokenizer, source))


def with_padding(tokenizer: Any) -> Any:
    """Set a missing padding token to the end token or the unknown token, which is safe: nothing attends to padding.

    Raises:
        BackboneError: if the tokenizer has none of them.
    """
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    if tokenizer.pad_token is None:
        raise BackboneError(
            f"{tokenizer.name_or_path}: its tokenizer has no padding, end or unknown token. Set one of them in its "
            "tokenizer_config.json, and set backbone.name to that directory"
        )
    return tokenizer


def load_configuration(source: BackboneSource) -> PreTrainedConfig:
    """Load only a backbone's configuration.

    Raises:
        BackboneError: if it cannot be found or the hub denies access.
        ilora.artifacts.errors.ArtifactError: if the workflow wrote it, and its files have changed since.
    """
    configuration: PreTrainedConfig = _load(AutoConfig, source)
    return configuration


def load_causal_model(source: BackboneSource, where: torch.device | None = None) -> Any:
    """Load a backbone's frozen weights, as a transformers causal model.

    Of its generation config, only the tokens that end an answer are kept.

    Args:
        source: source of the backbone.
        where: target device; None for `device`.

    Raises:
        BackboneError: if it cannot be found, the hub denies access, some of its weights are missing or of another
            shape, or it needs custom code.
    """
    model, lacking = _load_model(AutoModelForCausalLM, source, where or device())
    check_complete(source.name, lacking)
    # It provides defaults for unset options: some models come with a repetition penalty, for example.
    model.generation_config = GenerationConfig(eos_token_id=model.generation_config.eos_token_id)
    return model


def load_encoder(source: BackboneSource) -> Any:
    """Load a model's frozen weights onto the device, without a head, as a transformers model.

    Raises:
        BackboneError: see `load_causal_model`.
        ilora.artifacts.errors.ArtifactError: if the workflow wrote it, and its files have changed since.
    """
    model, lacking = _load_model(AutoModel, source, device())
    check_complete(source.name, [weight for weight in lacking if _UNREAD_OF_ENCODERS not in weight])
    return model


def _load_model(factory: Any, source: BackboneSource, where: torch.device) -> tuple[Any, list[str]]:
    """Return the model, and the names of the weights that transformers initialised at random."""
    options: dict[str, Any] = {
        "dtype": DTYPES[source.precision],
        "attn_implementation": source.attention,
        "output_loading_info": True,
        # Mismatched weights are reported like missing ones.
        "ignore_mismatched_sizes": True,
    }
    if source.record is not None:
        # transformers also looks for an adapter, and queries the hub for it unless this option is repeated.
        options["adapter_kwargs"] = {"local_files_only": True}
    if source.quantization is not None:
        options["quantization_config"] = _quantization(source)
    if source.quantization is not None or where.type == "cuda":
        # Loaded directly onto the device: a quantized model cannot be moved, and others are not held twice.
        options["device_map"] = {"": where}
    model, info = _load(factory, source, **options)
    return model.requires_grad_(False), lacking_weights(info)


def lacking_weights(info: Mapping[str, Any]) -> list[str]:
    """Return the names of the weights that transformers initialised at random.

    Args:
        info: loading info of transformers (``output_loading_info``), with ``ignore_mismatched_sizes``.
    """
    mismatched = [
        f"{name} (found {tuple(found)}, expected {tuple(expected)})"
        for name, found, expected in info["mismatched_keys"]
    ]
    return sorted([*info["missing_keys"], *mismatched])


def check_complete(name: str, lacking: Collection[str]) -> None:
    """Refuse a model whose files lack weights.

    Raises:
        BackboneError: if weights are missing or of another shape.
    """
    if lacking:
        named = ", ".join(list(lacking)[:_NAMED_WEIGHTS]) + (", ..." if len(lacking) > _NAMED_WEIGHTS else "")
        raise BackboneError(
            f"{name}: {len(lacking)} of the model's weights are missing from its files, or of another shape: "
            f"{named}. They would be random. Get the whole model again, or set backbone.name to a model whose "
            "safetensors use the weight names of its architecture in transformers"
        )


def _what_lacks(source: BackboneSource, revision: str) -> str:
    if Path(source.name).is_dir():
        return "is no complete model directory"
    if source.record is None:
        return "could not be fetched from the hub"
    return f"commit {revision} is not in the hub's cache (HF_HOME); delete {source.record} to have it fetched again"


def _quantization(source: BackboneSource) -> BitsAndBytesConfig:
    """Return QLoRA's quantization (Dettmers et al. 2023; 4-bit NormalFloat with double quantization) or LLM.int8()."""
    if source.quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=DTYPES[source.precision],
    )


def _load(factory: Any, source: BackboneSource, **options: Any) -> Any:
    if Path(source.name).is_dir():
        check_folder(source.name)
    revision = source.revision or "main"
    if source.record is not None:
        # The exact commit, without querying the hub, which nodes may not reach.
        revision, options["local_files_only"] = read_json(source.record)["commit"], True
    try:
        with refusing_own_code(source.name) as refusal:
            return factory.from_pretrained(source.name, revision=revision, **refusal, **options)
    except (GatedRepoError, RepositoryNotFoundError) as error:
        raise access_refused(source.name) from error
    except (OSError, SafetensorError) as error:
        raise BackboneError(
            f"{source.name}: {_what_lacks(source, revision)}. Set backbone.name to a directory that holds config, "
            f"tokenizer and weights, or to organisation/model with network access. The loader reported: {error}"
        ) from error
    except ValueError as error:
        if "attention implementation" not in str(error):
            raise
        raise BackboneError(
            f"{source.name}: backbone.attention is {source.attention}, which this model does not support. Set it to "
            "eager, which every model supports."
        ) from error

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

#: Of the frozen weights and of the computation.
DTYPES: dict[Precision, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}

#: How many weights an error names.
_NAMED_WEIGHTS = 5

#: Part of the names of what some encoders have behind their last hidden states. Nothing reads it, and a model that was
#: trained to fill in words comes without it.
_UNREAD_OF_ENCODERS = "pooler."


class BackboneError(RuntimeError):
    """A backbone cannot be had; the message says what to do."""


def access_refused(name: str) -> BackboneError:
    """Return the error for a model that the hub does not give to this account, or does not have."""
    return BackboneError(
        f"{name}: the hub gives no access. Request it on the model's page, then set HF_TOKEN to a token of the account "
        "that has it, or set backbone.name to a local directory."
    )


@contextmanager
def refusing_own_code(name: str) -> Iterator[dict[str, Any]]:
    """Yield the argument by which transformers runs no code that a model brings along, and asks nobody whether it may.

    Args:
        name: of the model, for the error.

    Raises:
        BackboneError: if the model cannot be had without its code.
    """
    try:
        yield {"trust_remote_code": False}
    except ValueError as error:
        if "trust_remote_code" not in str(error):
            raise
        raise BackboneError(
            f"{name}: needs code of its own (auto_map in config.json or tokenizer_config.json), which is never run. "
            "Set backbone.name to a model whose architecture is part of transformers"
        ) from error


def device() -> torch.device:
    """Give this process's GPU (the first, unless several processes share a training), or the CPU without one.

    Raises:
        BackboneError: if Slurm gave this job GPUs, and PyTorch sees none.
    """
    if not torch.cuda.is_available():
        given = os.environ.get("SLURM_JOB_GPUS") or os.environ.get("SLURM_STEP_GPUS")
        if given:
            raise BackboneError(
                f"{socket.gethostname()}: Slurm gave this job the GPUs {given}, and PyTorch {torch.__version__} (CUDA "
                f"{torch.version.cuda}) sees none. The node's driver may be too old for it, or a container lacks --nv"
            )
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))


def load_tokenizer(source: BackboneSource) -> PreTrainedTokenizerBase:
    """Load a backbone's tokenizer, with a token for padding.

    Raises:
        BackboneError: if it cannot be found, the hub refuses it, or it has nothing to pad with.
        ilora.artifacts.errors.ArtifactError: if the workflow made it, and its files are not those that were written.
    """
    return with_padding(_load(AutoTokenizer, source))


def with_padding(tokenizer: Any) -> Any:
    """Give a tokenizer without a padding token its end token for it, or its unknown token: nothing attends to padding.

    Raises:
        BackboneError: if it has none of them.
    """
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    if tokenizer.pad_token is None:
        raise BackboneError(
            f"{tokenizer.name_or_path}: its tokenizer has no padding, end or unknown token. Set one of them in its "
            "tokenizer_config.json, and backbone.name to the directory"
        )
    return tokenizer


def load_configuration(source: BackboneSource) -> PreTrainedConfig:
    """Load a backbone's configuration alone.

    Raises:
        BackboneError: if it cannot be found or the hub refuses it.
        ilora.artifacts.errors.ArtifactError: if the workflow made it, and its files are not those that were written.
    """
    configuration: PreTrainedConfig = _load(AutoConfig, source)
    return configuration


def load_causal_model(source: BackboneSource, where: torch.device | None = None) -> Any:
    """Load a backbone's frozen weights, as a transformers causal model.

    Of its own wishes about decoding it keeps the tokens that end an answer.

    Args:
        source: where it comes from.
        where: to be put; None for `device`.

    Raises:
        BackboneError: if it cannot be found, the hub refuses it, some of its weights are missing or of another shape,
            or it comes with code of its own.
    """
    model, lacking = _load_model(AutoModelForCausalLM, source, where or device())
    check_complete(source.name, lacking)
    # It fills in what a caller leaves open: some models come with a penalty for repetition, and the like.
    model.generation_config = GenerationConfig(eos_token_id=model.generation_config.eos_token_id)
    return model


def load_encoder(source: BackboneSource) -> Any:
    """Load a model's frozen weights onto the device, without a head, as a transformers model.

    Raises:
        BackboneError: as `load_causal_model` raises it.
        ilora.artifacts.errors.ArtifactError: if the workflow made it, and its files are not those that were written.
    """
    model, lacking = _load_model(AutoModel, source, device())
    check_complete(source.name, [weight for weight in lacking if _UNREAD_OF_ENCODERS not in weight])
    return model


def _load_model(factory: Any, source: BackboneSource, where: torch.device) -> tuple[Any, list[str]]:
    """Give the model, and those of its weights that transformers filled with random numbers."""
    options: dict[str, Any] = {
        "dtype": DTYPES[source.precision],
        "attn_implementation": source.attention,
        "output_loading_info": True,
        # They are told of like missing ones.
        "ignore_mismatched_sizes": True,
    }
    if source.record is not None:
        # transformers looks for an adapter beside the model, and asks the hub for it unless told once more.
        options["adapter_kwargs"] = {"local_files_only": True}
    if source.quantization is not None:
        options["quantization_config"] = _quantization(source)
    if source.quantization is not None or where.type == "cuda":
        # Put where it belongs while it is loaded: a quantized model cannot be moved, and another is not held twice.
        options["device_map"] = {"": where}
    model, info = _load(factory, source, **options)
    return model.requires_grad_(False), lacking_weights(info)


def lacking_weights(info: Mapping[str, Any]) -> list[str]:
    """Return the weights that transformers filled with random numbers.

    Args:
        info: what it says of the loading (``output_loading_info``), with ``ignore_mismatched_sizes``.
    """
    mismatched = [
        f"{name} (found {tuple(found)}, expected {tuple(expected)})"
        for name, found, expected in info["mismatched_keys"]
    ]
    return sorted([*info["missing_keys"], *mismatched])


def check_complete(name: str, lacking: Collection[str]) -> None:
    """Refuse a model whose files lack weights.

    Raises:
        BackboneError: if there are any.
    """
    if lacking:
        named = ", ".join(list(lacking)[:_NAMED_WEIGHTS]) + (", ..." if len(lacking) > _NAMED_WEIGHTS else "")
        raise BackboneError(
            f"{name}: {len(lacking)} of the model's weights are missing from its files, or of another shape: "
            f"{named}. They would be random. Get the whole model again, or set backbone.name to one whose "
            "safetensors have the names that its architecture has in transformers"
        )


def _what_lacks(source: BackboneSource, revision: str) -> str:
    if Path(source.name).is_dir():
        return "is no complete model directory"
    if source.record is None:
        return "could not be fetched from the hub"
    return f"commit {revision} is not in the hub's cache (HF_HOME); delete {source.record} to have it fetched again"


def _quantization(source: BackboneSource) -> BitsAndBytesConfig:
    """QLoRA's (Dettmers et al. 2023): 4-bit NormalFloat, its constants quantized again; or LLM.int8()."""
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
        # The very commit, without asking the hub, which nodes may not reach.
        revision, options["local_files_only"] = read_json(source.record)["commit"], True
    try:
        with refusing_own_code(source.name) as refusal:
            return factory.from_pretrained(source.name, revision=revision, **refusal, **options)
    except (GatedRepoError, RepositoryNotFoundError) as error:
        raise access_refused(source.name) from error
    except (OSError, SafetensorError) as error:
        raise BackboneError(
            f"{source.name}: {_what_lacks(source, revision)}. Set backbone.name to a directory that holds config, "
            f"tokenizer and weights, or to organisation/model with network access. The loader said: {error}"
        ) from error
    except ValueError as error:
        if "attention implementation" not in str(error):
            raise
        raise BackboneError(
            f"{source.name}: backbone.attention is {source.attention}, which this model does not have. Set it to "
            "eager, which every model has."
        ) from error

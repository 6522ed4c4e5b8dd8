"""Semantic ids and generators on disk, each in one self-contained safetensors file."""

import json
import os
from pathlib import Path

import torch

from ilora.artifacts.errors import damaged
from ilora.artifacts.tensors import read_metadata, read_tensors, write_tensors
from ilora.configuration.sections.generative import GeneratorValues
from ilora.generative.generator import Generator, GeneratorShape
from ilora.generative.quantisation import Quantisation
from ilora.generative.semantic_ids import SemanticIds
from ilora.generative.vocabulary import Vocabulary

PathName = str | os.PathLike[str]

_CODEBOOK = "codebook."


def save_ids(ids: SemanticIds, quantisation: Quantisation, path: PathName) -> None:
    """Write ids and the codebooks that they were computed with."""
    codebooks = {f"{_CODEBOOK}{level}": codebook for level, codebook in enumerate(quantisation.codebooks)}
    described = json.dumps({"levels": ids.levels, "sizes": ids.sizes})
    write_tensors({"codes": ids.codes, **codebooks}, path, {"ids": described})


def load_ids(path: PathName) -> SemanticIds:
    """Return saved ids.

    Raises:
        FileNotFoundError: there is no file at `path`.
        ilora.artifacts.errors.ArtifactError: the file is damaged or does not contain ids.
    """
    metadata = read_metadata(path)
    if "ids" not in metadata:
        raise damaged(Path(path), "does not contain semantic ids")
    described = json.loads(metadata["ids"])
    return SemanticIds(read_tensors(path)["codes"], tuple(described["levels"]), tuple(described["sizes"]))


def save_generator(model: Generator, path: PathName) -> None:
    """Write a generator's weights, each once, with its shape."""
    shape = model.shape
    described = {
        "sizes": shape.vocabulary.sizes,
        "user_tokens": shape.vocabulary.user_tokens,
        "values": shape.values.model_dump(mode="json"),
        "level_embedding": shape.level_embedding,
        "position_embedding": shape.position_embedding,
    }
    write_tensors(dict(model.named_parameters()), path, {"shape": json.dumps(described)})


def load_generator(path: PathName) -> Generator:
    """Return a saved generator, in evaluation mode.

    Raises:
        FileNotFoundError: there is no file at `path`.
        ilora.artifacts.errors.ArtifactError: the file is damaged or does not contain a generator.
    """
    metadata = read_metadata(path)
    if "shape" not in metadata:
        raise damaged(Path(path), "does not contain a generator")
    described = json.loads(metadata["shape"])
    shape = GeneratorShape(
        Vocabulary(tuple(described["sizes"]), described["user_tokens"]),
        GeneratorValues.read(described["values"]),
        described["level_embedding"],
        described["position_embedding"],
    )
    with torch.random.fork_rng(devices=[]):
        model = Generator(shape)
    saved = read_tensors(path)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(saved[name])
    return model.eval()

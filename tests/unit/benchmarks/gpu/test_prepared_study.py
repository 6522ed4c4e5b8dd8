"""Prepared files are unpacked completely; the conversion of a GGUF file is repeated and yields the same bytes."""

from pathlib import Path
from typing import Any

import pytest
import torch

from ilora.artifacts.errors import ArtifactError
from ilora.artifacts.provenance import sha256_of
from ilora.benchmarks.gpu.parcels import pack
from ilora.benchmarks.gpu.parts import Bench
from ilora.benchmarks.gpu.prepared_study import prepared_study
from ilora.benchmarks.gpu.sizes import MINIATURE
from ilora.llm.gguf.contents import read_gguf
from ilora.llm.gguf.conversion import convert_gguf
from small_gguf import small_llama, small_tokenizer, write_gguf

WEIGHTS = "results/backbone/converted/small/model.safetensors"


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GGUF file and its conversion."""
    folder = tmp_path_factory.mktemp("here")
    tokenizer = small_tokenizer()
    write_gguf(folder / "small.gguf", small_llama(tokenizer), tokenizer)
    convert_gguf(read_gguf(folder / "small.gguf"), (folder / WEIGHTS).parent)
    return folder


def prepared(here: Path, folder: Path, digest: str) -> Bench:
    config = str(Path(WEIGHTS).with_name("config.json"))
    about: dict[str, Any] = {
        "study": "studies/small.yaml",
        "jobs": [],
        "rebuilt": {WEIGHTS: {"gguf": "gguf/small.gguf", "sha256": digest}},
    }
    files = {"gguf/small.gguf": here / "small.gguf", config: here / config}
    pack(files, folder / "prepared", 100_000, about)
    return Bench(torch.device("cpu"), MINIATURE, folder / "scratch", folder / "prepared", folder)


def test_weights_are_converted_again_to_the_same_bytes(converted: Path, tmp_path: Path) -> None:
    study = prepared_study(prepared(converted, tmp_path, sha256_of(converted / WEIGHTS)))
    assert study.name == "studies/small.yaml"
    assert (study.root / WEIGHTS).read_bytes() == (converted / WEIGHTS).read_bytes()


def test_other_bytes_are_refused(converted: Path, tmp_path: Path) -> None:
    bench = prepared(converted, tmp_path, "0" * 64)
    with pytest.raises(ArtifactError, match="the conversion of small.gguf has sha256 .*, expected 000"):
        prepared_study(bench)
    assert not (bench.folder / "prepared" / WEIGHTS).exists()

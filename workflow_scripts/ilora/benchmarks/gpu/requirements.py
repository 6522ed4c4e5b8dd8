"""Requirements of `ilora bench gpu`, checked before they are imported: this module uses only the standard library."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from pathlib import Path

#: Packages whose older versions yield other results or fail; the versions are those of pyproject.toml.
LEAST_VERSIONS = {"peft": "0.21", "safetensors": "0.8", "torch": "2.11", "transformers": "5.17"}

#: Packages of any version. All but the last two are dependencies of those above.
OF_ANY_VERSION = ("accelerate", "huggingface_hub", "numpy", "tokenizers", "tqdm", "pyarrow", "pydantic")


def problems(
    least: Mapping[str, str], others: Iterable[str], version_of: Callable[[str], str] = metadata.version
) -> list[str]:
    """Return a line for each package that is missing or too old.

    Args:
        least: minimum version of each package.
        others: packages of any version.
        version_of: returns the installed version, or raises `PackageNotFoundError`.
    """
    found = []
    for package in [*least, *others]:
        wanted = f"{package} >= {least[package]}" if package in least else package
        try:
            version = version_of(package)
        except metadata.PackageNotFoundError:
            found.append(f"{wanted}: not installed")
            continue
        if package in least and _numbers(version) < _numbers(least[package]):
            found.append(f"{wanted}: found {version}")
    return found


def needed_to_rebuild(prepared: Path | None) -> tuple[str, ...]:
    """Return the additional requirements of the prepared files: gguf, if weights must be converted from a GGUF file."""
    if prepared is None:
        return ()
    contents = json.loads((prepared / "contents.json").read_text(encoding="utf-8"))
    return ("gguf",) if contents["about"]["rebuilt"] else ()


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version, such as (2, 11, 0) for 2.11.0+cu130."""
    beginning = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(number) for number in beginning[0].split(".")) if beginning else ()

"""The version of the library code that a script uses, so that an edit reruns what used it and nothing else.

Snakemake notices an edited script, but not an edited module that the script imports. A rule therefore carries
``script_version(...)`` among its parameters.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

LIBRARY = "ilora"


def script_version(script: Path, library_root: Path) -> str:
    """Return a hexadecimal sha256 of every module of the library that ``script`` imports, however indirectly.

    Imports are read from the source, without running it; those inside functions count too. The hash covers
    each module's name and exact bytes. The script's own bytes are not part of it: Snakemake follows those by
    itself.

    Args:
        script: the script's path.
        library_root: the folder that contains the package ``ilora``.

    Raises:
        FileNotFoundError: when the script does not exist. ValueError: when the script, or a module that it
        uses, is not valid Python, imports relatively in a way that
            leaves the library, or imports a module of the library that does not exist.
    """
    digest = hashlib.sha256()
    for name, path in sorted(imported_modules(script, library_root).items()):
        content = path.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def imported_modules(script: Path, library_root: Path) -> dict[str, Path]:
    """Return name and path of every module of the library that ``script`` imports, transitively.

    Packages count as their ``__init__.py``, and importing a module imports the packages around it.
    Arguments and errors are those of ``script_version``.
    """
    found: dict[str, Path] = {}
    waiting = [(script, "")]
    while waiting:
        path, package = waiting.pop()
        for name in _imported_names(path, package, library_root):
            if name not in found:
                found[name] = module = _existing_module(name, path, library_root)
                waiting.append((module, name if module.name == "__init__.py" else name.rpartition(".")[0]))
    return found


def _imported_names(path: Path, package: str, library_root: Path) -> Iterator[str]:
    """Yield the names of the modules of the library that one file imports, their packages included."""
    for name, members in _imports(path.read_bytes(), path, package):
        yield from _with_packages(name)
        for member in members:
            if _module_path(f"{name}.{member}", library_root) is not None:
                yield from _with_packages(f"{name}.{member}")


@functools.cache  # most scripts share most modules
def _imports(content: bytes, path: Path, package: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return each module of the library that a file's statements import, with what they import from it."""
    try:
        tree = ast.parse(content, filename=str(path))
    except SyntaxError as error:
        raise ValueError(f"{path}, line {error.lineno}: not valid Python ({error.msg})") from error
    found: list[tuple[str, tuple[str, ...]]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((_absolute_base(node, path, package), tuple(alias.name for alias in node.names)))
    return tuple((name, members) for name, members in found if name.partition(".")[0] == LIBRARY)


def _absolute_base(node: ast.ImportFrom, path: Path, package: str) -> str:
    """Return the absolute name of the module that a ``from ... import`` statement reads."""
    if node.level == 0:
        return node.module or ""
    parents = package.split(".") if package else []
    if node.level > len(parents):
        raise ValueError(f"{path}, line {node.lineno}: a relative import that leaves the package {LIBRARY!r}")
    kept = parents[: len(parents) - node.level + 1]
    return ".".join(kept + ([node.module] if node.module else []))


def _with_packages(name: str) -> Iterator[str]:
    """Yield ``ilora``, ``ilora.a``, ``ilora.a.b`` for ``ilora.a.b``; nothing for a foreign name."""
    parts = name.split(".")
    if parts[0] == LIBRARY:
        for length in range(1, len(parts) + 1):
            yield ".".join(parts[:length])


def _module_path(name: str, library_root: Path) -> Path | None:
    """Return the file of the module ``name``, or None when it is none of the library's."""
    if name.partition(".")[0] != LIBRARY:
        return None
    stem = library_root.joinpath(*name.split("."))
    candidates = (stem / "__init__.py", stem.with_name(stem.name + ".py"))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _existing_module(name: str, importer: Path, library_root: Path) -> Path:
    path = _module_path(name, library_root)
    if path is None:
        raise ValueError(f"{importer} imports {name}, but {library_root} holds no such module")
    return path

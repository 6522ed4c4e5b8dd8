"""The version of the code that a script uses, so that an edit reruns what used it and nothing else.

Snakemake notices that a script is newer than what it made, but not an edited module that the script imports. A rule
therefore carries ``script_version(...)`` among its parameters. The version covers what the code does, not how it is
worded: docstrings, comments and layout are no part of it. A module's name is, so that renaming or splitting a module
reruns what uses it; `ilora.artifacts.acceptance` keeps what was made before.

Nor are the fields of a `Section` part of it: their values reach a script as parameters, which Snakemake compares, so
that a new option with a default reruns nothing. What a section computes from its fields does count.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

Node = TypeVar("Node", bound=ast.AST)

LIBRARY = "ilora"
#: Classes that derive from the one of this name hold values of the configuration.
SECTION = "Section"


def script_version(script: Path, library_root: Path, modules: Iterable[str] = ()) -> str:
    """Return a hexadecimal sha256 of a script's code and that of every module it imports, however indirectly.

    Imports are read from the source, without running it; those inside functions count too, those under
    ``if TYPE_CHECKING:`` never run and do not. The hash covers each module's name and its syntax tree as `_canonical`
    writes it, which is the same under Python 3.11, 3.12 and 3.13.
    A file is read once in a process, unless its time or size changes.

    Args:
        script: the script's path.
        library_root: the folder that contains the package ``ilora``.
        modules: what the script loads by name, such as ``"ilora.figures.hit_ratio"``; followed like an import.

    Raises:
        FileNotFoundError: when the script does not exist.
        ValueError: when the script, or a module that it uses, is not valid Python, imports relatively in a way that
            leaves the library, or imports a module of the library that does not exist; or when there is no such
            module as one of ``modules``.
    """
    used = imported_modules(script, library_root, modules)
    digest = hashlib.sha256(_digest(script, "", library_root).encode())
    for name, path in sorted(used.items()):
        digest.update(f"{name}\0{_digest(path, _package(name, path), library_root)}\n".encode())
    return digest.hexdigest()


def imported_modules(script: Path, library_root: Path, modules: Iterable[str] = ()) -> dict[str, Path]:
    """Return name and path of every module of the library that ``script`` imports, transitively.

    Packages count as their ``__init__.py``, and importing a module imports the packages around it.
    Arguments and errors are those of ``script_version``.
    """
    found: dict[str, Path] = {}
    waiting = [(script, _imported_names(_source(script, ""), library_root))]
    waiting += [(script, (*_with_packages(name), name)) for name in modules]
    while waiting:
        importer, names = waiting.pop()
        for name in names:
            if name not in found:
                found[name] = module = _existing_module(name, importer, library_root)
                waiting.append((module, _imported_names(_source(module, _package(name, module)), library_root)))
    return found


@dataclass(frozen=True, eq=False)
class _Source:
    """What is known of a file.

    Attributes:
        imports: what its statements import from the library: each module, with the members that are named.
        digest: of its whole code.
        tree: its syntax tree, if a class in it has a base and may be a section; trees are large.
    """

    imports: tuple[tuple[str, tuple[ast.alias, ...]], ...]
    digest: str
    tree: ast.Module | None

    @functools.cached_property
    def bases(self) -> dict[str, list[str]]:
        """The classes of the module, with the names of their bases; of `module.Name`, the last one."""
        body = self.tree.body if self.tree else []
        return {node.name: [_last_name(base) for base in node.bases] for node in body if isinstance(node, ast.ClassDef)}

    @functools.cached_property
    def origins(self) -> dict[str, tuple[str, str]]:
        """Where each name comes from that is imported from the library: the module, and what it is called there."""
        members = [(name, alias) for name, aliases in self.imports for alias in aliases]
        return {alias.asname or alias.name: (name, alias.name) for name, alias in members}


@functools.cache
def _imported_names(source: _Source, library_root: Path) -> tuple[str, ...]:
    """Return the names of the modules of the library that a file imports, their packages included."""
    names = [name for name, _ in source.imports]
    members = [f"{name}.{alias.name}" for name, aliases in source.imports for alias in aliases]
    names += [name for name in members if _module_path(name, library_root) is not None]
    return tuple(dict.fromkeys(part for name in names for part in _with_packages(name)))


def _source(path: Path, package: str) -> _Source:
    """Return a file parsed, once in a process as long as it stays the same."""
    status = path.stat()
    return _parsed(path, package, status.st_mtime_ns, status.st_size)


@functools.cache  # most scripts share most modules
def _parsed(path: Path, package: str, *version: int) -> _Source:
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except SyntaxError as error:
        raise ValueError(f"{path}, line {error.lineno}: not valid Python ({error.msg})") from error
    found: list[tuple[str, tuple[ast.alias, ...]]] = []
    for node in _statements(tree.body):
        if isinstance(node, ast.Import):
            found += [(alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((_absolute_base(node, path, package), tuple(node.names)))
    imports = tuple((name, members) for name, members in found if name.partition(".")[0] == LIBRARY)
    has_bases = any(isinstance(node, ast.ClassDef) and node.bases for node in tree.body)
    return _Source(imports, _sha256(tree), tree if has_bases else None)


def _statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield statements and those inside them, at any depth; an import that runs stands nowhere else."""
    for node in body:
        yield node
        for name in ("body", "orelse", "handlers", "finalbody", "cases"):
            if not (name == "body" and _is_for_type_checkers(node)):
                yield from _statements(getattr(node, name, ()))


def _is_for_type_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _digest(path: Path, package: str, library_root: Path) -> str:
    """Return a hexadecimal sha256 of what the code of one file does."""
    return _digest_of(_source(path, package), library_root)


@functools.cache
def _digest_of(source: _Source, library_root: Path) -> str:
    sections = {name for name in source.bases if _is_section(name, source, library_root)}
    return _sha256(_without_fields(source.tree, sections)) if source.tree and sections else source.digest


def _sha256(tree: ast.Module) -> str:
    return hashlib.sha256(_canonical(tree).encode()).hexdigest()


def _is_section(name: str, source: _Source, library_root: Path) -> bool:
    """Whether a class of this name, as a module sees it, derives from `Section`.

    Only classes at the top of a module are followed, and only by the names that stand in the source.
    """
    if name in source.bases:
        return any(base == SECTION or _is_section(base, source, library_root) for base in source.bases[name])
    module, original = source.origins.get(name, ("", ""))
    path = _module_path(module, library_root)
    return original == SECTION or (
        path is not None and _is_section(original, _source(path, _package(module, path)), library_root)
    )


def _without_fields(tree: ast.Module, sections: set[str]) -> ast.Module:
    """Return a module without the declared fields of its sections, and without imports that only these use."""
    fields: list[ast.stmt] = []
    body: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name in sections:
            declared = [part for part in node.body if _is_field(part)]
            fields += declared
            node = _with(node, body=[part for part in node.body if part not in declared])
        body.append(node)
    rest = ast.Module(body=body, type_ignores=[])
    unused = set().union(*map(_names, fields)) - _names(rest)
    return ast.Module(body=list(_without_imports(body, unused)), type_ignores=[])


def _is_field(node: ast.stmt) -> bool:
    """Whether a statement of a section declares a field: `name: T` or `name: T = ...`, but no `ClassVar`."""
    return isinstance(node, ast.AnnAssign) and "ClassVar" not in _names(node.annotation)


def _without_imports(body: Iterable[ast.stmt], names: set[str]) -> Iterator[ast.stmt]:
    """Yield statements, but of `from ... import a, b` no name that is among ``names``."""
    for node in body:
        if not isinstance(node, ast.ImportFrom):
            yield node
        elif kept := [alias for alias in node.names if (alias.asname or alias.name) not in names]:
            yield _with(node, names=kept)


def _with(node: Node, **fields: object) -> Node:
    """Return a copy of a node with some fields replaced."""
    return type(node)(**{**{name: getattr(node, name) for name in node._fields}, **fields})


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _last_name(base: ast.expr) -> str:
    """Return `Name` of the base classes `Name` and `module.Name`; nothing of another expression."""
    if isinstance(base, ast.Attribute):
        return base.attr
    return base.id if isinstance(base, ast.Name) else ""


def _canonical(value: object) -> str:
    """Write a syntax tree, or a part of it, without positions, docstrings and what differs between versions of Python.

    `ast.dump` writes each version's own fields and `ast.unparse` its own quotes: a newer Python would rerun
    everything. Here a field that holds nothing is not written, so that one that a version adds changes no tree that
    does not use it.
    """
    if isinstance(value, list):
        return f"[{' '.join([_canonical(part) for part in value if not _is_silent(part)])}]"
    if not isinstance(value, ast.AST):
        return repr(value)
    if isinstance(value, ast.Constant):
        return repr(value.value)
    if isinstance(value, ast.JoinedStr):
        # Some versions write an empty text where a piece of an f-string ends.
        return f"JoinedStr{_canonical([part for part in value.values if getattr(part, 'value', None) != ''])}"
    parts = [(name, getattr(value, name, None)) for name in value._fields if name not in _SAYS_NOTHING]
    written = [f"{name}={_canonical(part)}" for name, part in parts if part is not None and part != []]
    return f"{type(value).__name__}({' '.join(written)})"


#: What the context says anyway, and comments on types.
_SAYS_NOTHING = frozenset({"ctx", "type_comment", "type_ignores"})


def _is_silent(node: object) -> bool:
    """Whether a member of a list is a text that stands alone, as docstrings do."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _absolute_base(node: ast.ImportFrom, path: Path, package: str) -> str:
    """Return the absolute name of the module that a ``from ... import`` statement reads."""
    if node.level == 0:
        return node.module or ""
    parents = package.split(".") if package else []
    if node.level > len(parents):
        raise ValueError(f"{path}, line {node.lineno}: a relative import that leaves the package {LIBRARY!r}")
    kept = parents[: len(parents) - node.level + 1]
    return ".".join(kept + ([node.module] if node.module else []))


def _package(name: str, path: Path) -> str:
    """Return the package from which a module's relative imports start."""
    return name if path.name == "__init__.py" else name.rpartition(".")[0]


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


@dataclass(frozen=True)
class CodeVersions:
    """The versions of the code of a workflow's scripts, for the ``params`` of its rules.

    Attributes:
        scripts: the folder that holds the scripts and the package ``ilora``.
    """

    scripts: Path

    def __call__(
        self, script: str, *modules: str, by_wildcards: Callable[[Any], Iterable[str]] = lambda wildcards: ()
    ) -> Callable[[Any], str]:
        """Return what gives `script_version` of a script at the wildcards of a job.

        It is asked for where a job is planned: a process that runs one job parses what this one uses alone.

        Args:
            script: its name, without the extension.
            modules: what it loads by name.
            by_wildcards: what it loads by name for these wildcards.
        """
        return lambda wildcards: self._version(script, (*modules, *by_wildcards(wildcards)))

    @functools.cached_property
    def _version(self) -> Callable[[str, tuple[str, ...]], str]:
        return functools.cache(
            lambda script, modules: script_version(self.scripts / f"{script}.py", self.scripts, modules)
        )

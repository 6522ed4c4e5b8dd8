"""The version of the code that a script uses, so that an edit reruns exactly the rules that use it.

Snakemake notices an edited script, but not an edited module that the script imports. Rules therefore have
``script_version(...)`` as a parameter. The version covers what the code does: docstrings, comments and layout do not
count. The names of modules count, so renaming or splitting a module reruns the rules that use it, unless
`ilora.artifacts.acceptance` keeps their results.

The fields of a `Section` do not count either: their values reach a script as parameters, which Snakemake compares, so
a new option with a default reruns nothing. What a section computes from its fields does count.
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
#: Base class of all classes with values of the configuration.
SECTION = "Section"


def script_version(script: Path, library_root: Path, modules: Iterable[str] = ()) -> str:
    """Return a hexadecimal SHA-256 of the code of a script and of all modules that it imports, directly or indirectly.

    Imports are read from the source, without running it. Imports inside functions count; those under ``if
    TYPE_CHECKING:`` never run and do not. The hash covers each module's name and its syntax tree in the form of
    `_canonical`, which is the same under Python 3.11, 3.12 and 3.13. A process reads each file once, unless its
    modification time or size changes.

    Args:
        script: the script's path.
        library_root: the folder that contains the package ``ilora``.
        modules: modules that the script loads by name, such as ``"ilora.figures.hit_ratio"``; treated like imports.

    Raises:
        FileNotFoundError: the script does not exist.
        ValueError: the script or a module that it uses is not valid Python, has a relative import that leaves the
            library, or imports a module of the library that does not exist; or one of ``modules`` does not exist.
    """
    used = imported_modules(script, library_root, modules)
    digest = hashlib.sha256(_digest(script, "", library_root).encode())
    for name, path in sorted(used.items()):
        digest.update(f"{name}\0{_digest(path, _package(name, path), library_root)}\n".encode())
    return digest.hexdigest()


def imported_modules(script: Path, library_root: Path, modules: Iterable[str] = ()) -> dict[str, Path]:
    """Return the name and path of every module of the library that ``script`` imports, transitively.

    A package counts as its ``__init__.py``, and importing a module imports its parent packages. Arguments and errors
    are those of ``script_version``.
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
    """A parsed source file.

    Attributes:
        imports: imports from the library: each module, with the imported members.
        digest: digest of the whole code.
        tree: syntax tree, kept only if a class has a base and so may be a section, because trees are large.
    """

    imports: tuple[tuple[str, tuple[ast.alias, ...]], ...]
    digest: str
    tree: ast.Module | None

    @functools.cached_property
    def bases(self) -> dict[str, list[str]]:
        """The classes of the module, with the names of their bases; for `module.Name`, the last part."""
        body = self.tree.body if self.tree else []
        return {node.name: [_last_name(base) for base in node.bases] for node in body if isinstance(node, ast.ClassDef)}

    @functools.cached_property
    def origins(self) -> dict[str, tuple[str, str]]:
        """The origin of each name imported from the library: its module, and its name there."""
        members = [(name, alias) for name, aliases in self.imports for alias in aliases]
        return {alias.asname or alias.name: (name, alias.name) for name, alias in members}


@functools.cache
def _imported_names(source: _Source, library_root: Path) -> tuple[str, ...]:
    """Return the names of the modules of the library that a file imports, including their packages."""
    names = [name for name, _ in source.imports]
    members = [f"{name}.{alias.name}" for name, aliases in source.imports for alias in aliases]
    names += [name for name in members if _module_path(name, library_root) is not None]
    return tuple(dict.fromkeys(part for name in names for part in _with_packages(name)))


def _source(path: Path, package: str) -> _Source:
    """Return the parsed file; a process parses an unchanged file once."""
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
    """Yield statements and those nested in them, at any depth, which covers all imports that run."""
    for node in body:
        yield node
        for name in ("body", "orelse", "handlers", "finalbody", "cases"):
            if not (name == "body" and _is_for_type_checkers(node)):
                yield from _statements(getattr(node, name, ()))


def _is_for_type_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _digest(path: Path, package: str, library_root: Path) -> str:
    """Return a hexadecimal SHA-256 of the behaviour of one file's code."""
    return _digest_of(_source(path, package), library_root)


@functools.cache
def _digest_of(source: _Source, library_root: Path) -> str:
    sections = {name for name in source.bases if _is_section(name, source, library_root)}
    return _sha256(_without_fields(source.tree, sections)) if source.tree and sections else source.digest


def _sha256(tree: ast.Module) -> str:
    return hashlib.sha256(_canonical(tree).encode()).hexdigest()


def _is_section(name: str, source: _Source, library_root: Path) -> bool:
    """Return whether the class of this name in a module derives from `Section`.

    Only top-level classes are followed, and only by their names in the source.
    """
    if name in source.bases:
        return any(base == SECTION or _is_section(base, source, library_root) for base in source.bases[name])
    module, original = source.origins.get(name, ("", ""))
    path = _module_path(module, library_root)
    return original == SECTION or (
        path is not None and _is_section(original, _source(path, _package(module, path)), library_root)
    )


def _without_fields(tree: ast.Module, sections: set[str]) -> ast.Module:
    """Return a module without the declared fields of its sections and the imports that only these fields use."""
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
    """Return whether a statement declares a field: `name: T` or `name: T = ...`, except for a `ClassVar`."""
    return isinstance(node, ast.AnnAssign) and "ClassVar" not in _names(node.annotation)


def _without_imports(body: Iterable[ast.stmt], names: set[str]) -> Iterator[ast.stmt]:
    """Yield statements, leaving ``names`` out of `from ... import a, b`."""
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
    """Return `Name` for the base classes `Name` and `module.Name`; an empty string for other expressions."""
    if isinstance(base, ast.Attribute):
        return base.attr
    return base.id if isinstance(base, ast.Name) else ""


def _canonical(value: object) -> str:
    """Return the text of a syntax tree, or of a part of it, without positions, docstrings and version differences.

    `ast.dump` and `ast.unparse` differ between versions of Python in their fields and quotes, so a newer Python would
    rerun everything. Here, empty fields are left out, so a field that a new version adds changes only trees that use
    it.
    """
    if isinstance(value, list):
        return f"[{' '.join([_canonical(part) for part in value if not _is_silent(part)])}]"
    if not isinstance(value, ast.AST):
        return repr(value)
    if isinstance(value, ast.Constant):
        return repr(value.value)
    if isinstance(value, ast.JoinedStr):
        # Some versions add an empty string at the end of a piece of an f-string.
        return f"JoinedStr{_canonical([part for part in value.values if getattr(part, 'value', None) != ''])}"
    parts = [(name, getattr(value, name, None)) for name in value._fields if name not in _SAYS_NOTHING]
    written = [f"{name}={_canonical(part)}" for name, part in parts if part is not None and part != []]
    return f"{type(value).__name__}({' '.join(written)})"


#: Fields that are redundant, or contain comments on types.
_SAYS_NOTHING = frozenset({"ctx", "type_comment", "type_ignores"})


def _is_silent(node: object) -> bool:
    """Return whether a statement is only a string, as docstrings are."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _absolute_base(node: ast.ImportFrom, path: Path, package: str) -> str:
    """Return the absolute name of the module in a ``from ... import`` statement."""
    if node.level == 0:
        return node.module or ""
    parents = package.split(".") if package else []
    if node.level > len(parents):
        raise ValueError(f"{path}, line {node.lineno}: a relative import that leaves the package {LIBRARY!r}")
    kept = parents[: len(parents) - node.level + 1]
    return ".".join(kept + ([node.module] if node.module else []))


def _package(name: str, path: Path) -> str:
    """Return the package that a module's relative imports refer to."""
    return name if path.name == "__init__.py" else name.rpartition(".")[0]


def _with_packages(name: str) -> Iterator[str]:
    """Yield ``ilora``, ``ilora.a``, ``ilora.a.b`` for ``ilora.a.b``; nothing for a foreign name."""
    parts = name.split(".")
    if parts[0] == LIBRARY:
        for length in range(1, len(parts) + 1):
            yield ".".join(parts[:length])


def _module_path(name: str, library_root: Path) -> Path | None:
    """Return the file of the module ``name``, or None if it is not in the library."""
    if name.partition(".")[0] != LIBRARY:
        return None
    stem = library_root.joinpath(*name.split("."))
    candidates = (stem / "__init__.py", stem.with_name(stem.name + ".py"))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _existing_module(name: str, importer: Path, library_root: Path) -> Path:
    path = _module_path(name, library_root)
    if path is None:
        raise ValueError(f"{importer} imports {name}, but {library_root} contains no such module")
    return path


@dataclass(frozen=True)
class CodeVersions:
    """The code versions of a workflow's scripts, for the ``params`` of its rules.

    Attributes:
        scripts: folder with the scripts and the package ``ilora``.
    """

    scripts: Path

    def __call__(
        self, script: str, *modules: str, by_wildcards: Callable[[Any], Iterable[str]] = lambda wildcards: ()
    ) -> Callable[[Any], str]:
        """Return the function from the wildcards of a job to the `script_version` of its script.

        It is evaluated when a job is planned, so a process that runs one job parses only the modules of that job.

        Args:
            script: name of the script, without the extension.
            modules: modules that it loads by name.
            by_wildcards: returns the modules that it loads by name for the wildcards of a job.
        """
        return lambda wildcards: self._version(script, (*modules, *by_wildcards(wildcards)))

    @functools.cached_property
    def _version(self) -> Callable[[str, tuple[str, ...]], str]:
        return functools.cache(
            lambda script, modules: script_version(self.scripts / f"{script}.py", self.scripts, modules)
        )

"""The packages of the library depend on each other in one direction."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "workflow_scripts"


def room(module: str) -> str:
    """Return the package of a module: ``ilora.X``, or ``ilora.llm.X`` within the language model."""
    parts = module.split(".")
    return ".".join(parts[: 3 if parts[1:2] == ["llm"] else 2])


def imported(file: Path) -> Iterator[str]:
    """Yield the modules of the library that a file imports, anywhere in the file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from ilora import progress` and `from ilora.llm import model` name a package as the imported object.
            deeper = node.module in ("ilora", "ilora.llm")
            names = [f"{node.module}.{alias.name}" for alias in node.names] if deeper else [node.module]
        else:
            names = []
        yield from (name for name in names if name.startswith("ilora."))


def test_rooms_import_each_other_without_a_cycle() -> None:
    needs: dict[str, set[str]] = {}
    for file in (SCRIPTS / "ilora").rglob("*.py"):
        own = room(".".join(file.relative_to(SCRIPTS).with_suffix("").parts))
        needs.setdefault(own, set()).update(room(name) for name in imported(file))
        needs[own].discard(own)
    order = list(TopologicalSorter(needs).static_order())  # a cycle raises CycleError, which names it
    assert order.index("ilora.llm.prompts") < order.index("ilora.llm.model") < order.index("ilora.llm.inference")

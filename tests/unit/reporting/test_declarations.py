"""Figures, tables and pages are discovered by module; importing these modules is cheap."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ilora.figures.declaration import figures
from ilora.reporting.declaration import Declaration
from ilora.reporting.document import documents

LIBRARY = Path("workflow_scripts/ilora")
SLOW = ("matplotlib", "torch", "sklearn", "scipy", "statsmodels", "transformers", "recbole")
IMPORT_ALL = f"""
import sys
from ilora.figures.declaration import figures
from ilora.reporting.document import documents
figures(), documents("tables"), documents("pages")
print([name for name in {SLOW} if name in sys.modules])
"""
EVERY: dict[str, Declaration] = {**figures(), **documents("tables"), **documents("pages")}


def test_to_import_them_loads_nothing_slow(repository: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL], cwd=repository / "workflow_scripts", capture_output=True, text=True
    )
    assert (process.returncode, process.stdout.strip()) == (0, "[]"), process.stderr


@pytest.mark.parametrize("package", ["figures", "tables", "pages"])
def test_every_module_declares_something(repository: Path, package: str) -> None:
    folder = repository / LIBRARY / package
    modules = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    found = figures() if package == "figures" else documents("tables" if package == "tables" else "pages")
    assert set(found) == modules - {"__init__", "declaration"}
    assert list(found) == sorted(found)


@pytest.mark.parametrize("name", EVERY)
def test_a_file_has_the_name_of_its_module(name: str) -> None:
    stem = EVERY[name].path.rsplit("/", 1)[-1]
    assert (
        stem == name
        or re.sub(r"_?\{method\}", "", stem.replace("{sweep}", "sweep").replace("{generator}", "generative")) == name
    )


@pytest.mark.parametrize("name", EVERY)
def test_what_the_report_shows_is_named_in_it(name: str) -> None:
    declared = EVERY[name]
    is_shown = bool({"svg", "html"} & set(declared.formats))
    assert bool(declared.category) == is_shown

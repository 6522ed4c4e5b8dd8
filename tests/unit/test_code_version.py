"""A script's code version changes with the code of the modules that it uses, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from ilora.code_version import imported_modules, script_version

LIBRARY = {
    "ilora/__init__.py": '"""The library."""\n',
    "ilora/progress.py": "",
    "ilora/data/__init__.py": "",
    "ilora/data/windows.py": """\
import numpy
from ilora.data import titles


class Window:
    length: int = 3
    '''Items.'''


def cut(items):
    '''Cut.'''
    return f"{items[:3]:>{3}}"  # the first ones
""",
    "ilora/data/titles.py": "from __future__ import annotations\n",
    "ilora/data/steam.py": "from .titles import clean\nfrom . import windows\n",
    "ilora/llm/__init__.py": "",
    "ilora/llm/decoding.py": "",
}
SCRIPTS = {
    "build_sequences.py": "import json\nimport ilora.data.windows\n",
    "decode.py": "def main():\n    from ilora.llm.decoding import decode\n    decode()\n",
    "read_steam.py": "from ilora.data.steam import read\n",
}


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    for name, text in {**LIBRARY, **SCRIPTS}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("script", "modules"),
    [
        ("build_sequences", {"ilora", "ilora.data", "ilora.data.windows", "ilora.data.titles"}),
        ("decode", {"ilora", "ilora.llm", "ilora.llm.decoding"}),
        (
            "read_steam",
            {"ilora", "ilora.data", "ilora.data.steam", "ilora.data.titles", "ilora.data.windows"},
        ),
    ],
)
def test_modules_are_found_transitively(scripts: Path, script: str, modules: set[str]) -> None:
    assert set(imported_modules(scripts / f"{script}.py", scripts)) == modules


@pytest.mark.parametrize(
    ("edited", "affected"),
    [
        ("ilora/data/titles.py", {"build_sequences", "read_steam"}),
        ("ilora/llm/decoding.py", {"decode"}),
        ("ilora/data/__init__.py", {"build_sequences", "read_steam"}),
        ("ilora/progress.py", set()),
        ("ilora/__init__.py", {"build_sequences", "decode", "read_steam"}),
    ],
)
def test_an_edit_changes_the_version_of_what_uses_it_alone(scripts: Path, edited: str, affected: set[str]) -> None:
    names = {Path(name).stem for name in SCRIPTS}
    before = {name: script_version(scripts / f"{name}.py", scripts) for name in names}
    append(scripts / edited, "EDITED = 1\n")
    after = {name: script_version(scripts / f"{name}.py", scripts) for name in names}
    assert {name for name in names if before[name] != after[name]} == affected


def test_the_version_does_not_depend_on_the_place(scripts: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for name, text in {**LIBRARY, **SCRIPTS}.items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text(text, encoding="utf-8")
    script = "read_steam.py"
    assert script_version(scripts / script, scripts) == script_version(copy / script, copy)


def test_a_name_of_a_module_is_no_module(scripts: Path) -> None:
    script = scripts / "script.py"
    script.write_text("from ilora.data.windows import cut\n", encoding="utf-8")
    assert "ilora.data.windows.cut" not in imported_modules(script, scripts)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("import numpy\n", "# What it needs.\nimport numpy\n"),
        ("import numpy\n", '"""Windows."""\n\n\nimport numpy\n'),
        ("'''Cut.'''", "'''Cut the first items off, and\n    say so at length.'''"),
        ("'''Items.'''", "'''How many items.'''"),
        ("class Window:\n", "class Window:\n    '''A window.'''\n\n"),
        ("  # the first ones", ""),
        ("cut(items)", "cut(\n    items,\n)"),
        ('return f"{items[:3]:>{3}}"', "return (f'{items[:3]:>{3}}')"),
    ],
)
def test_wording_and_layout_change_nothing(scripts: Path, old: str, new: str) -> None:
    script = scripts / "build_sequences.py"
    before = script_version(script, scripts)
    replace(scripts / "ilora/data/windows.py", old, new)
    assert script_version(script, scripts) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("items[:3]", "items[:4]"),
        ("items[:3]", "items[3:]"),
        ("{items[:3]:>{3}}", "{items[:3]:<{3}}"),
        ("{items[:3]:>{3}}", "{items[:3]!r:>{3}}"),
        ("length: int = 3", "length: int = 4"),
        ("length: int = 3", "length: float = 3"),
        ("length: int = 3", "length: int = 3\n    step: int = 1"),
        ("import numpy", "import scipy"),
        ("def cut(items)", "def cut(items=None)"),
        ("def cut(items)", "@property\ndef cut(items)"),
        ("def cut(items)", "async def cut(items)"),
        ("'''Cut.'''", "text = '''Cut.'''"),
    ],
)
def test_an_edited_expression_changes_the_version(scripts: Path, old: str, new: str) -> None:
    script = scripts / "build_sequences.py"
    before = script_version(script, scripts)
    replace(scripts / "ilora/data/windows.py", old, new)
    assert script_version(script, scripts) != before


def test_the_scripts_own_code_counts_and_its_wording_does_not(scripts: Path) -> None:
    script = scripts / "build_sequences.py"
    before = script_version(script, scripts)
    replace(script, "import json\n", "'''Builds sequences.'''\n\nimport json\n")
    assert script_version(script, scripts) == before
    append(script, "json.dumps({})\n")
    assert script_version(script, scripts) != before


def test_a_renamed_module_changes_the_version(scripts: Path) -> None:
    script = scripts / "build_sequences.py"
    before = script_version(script, scripts)
    (scripts / "ilora/data/titles.py").rename(scripts / "ilora/data/names.py")
    replace(scripts / "ilora/data/windows.py", "import titles", "import names as titles")
    assert script_version(script, scripts) != before


def test_what_a_script_loads_by_name_counts_with_all_it_imports(scripts: Path) -> None:
    script, named = scripts / "decode.py", ("ilora.data.windows",)
    assert set(imported_modules(script, scripts, named)) - set(imported_modules(script, scripts)) == {
        "ilora.data",
        "ilora.data.windows",
        "ilora.data.titles",
    }
    alone, before = script_version(script, scripts), script_version(script, scripts, named)
    assert alone != before
    append(scripts / "ilora/data/titles.py", "EDITED = 1\n")
    assert script_version(script, scripts, named) != before
    assert script_version(script, scripts) == alone


@pytest.mark.parametrize("name", ["ilora.data.missing", "data.windows"])
def test_a_module_that_is_loaded_by_name_must_exist(scripts: Path, name: str) -> None:
    with pytest.raises(ValueError, match=f"decode.py imports {name}, but .* contains no such module"):
        script_version(scripts / "decode.py", scripts, (name,))


SECTIONS = {
    "ilora/settings/__init__.py": "",
    "ilora/settings/section.py": "from pydantic import BaseModel\n\n\nclass Section(BaseModel):\n    pass\n",
    "ilora/settings/values.py": """\
from typing import ClassVar

from ilora.settings import section


class Values(section.Section):
    rate: float = 0.1
""",
    "ilora/settings/tuning.py": """\
from pydantic import model_validator

from ilora.settings.values import Values as Base


class Tuning(Base):
    '''How to tune.'''

    places: ClassVar[int] = 2
    steps: int = 10

    @property
    def total(self):
        return self.steps * 2
""",
    "tune.py": "from ilora.settings.tuning import Tuning\n",
}


@pytest.fixture
def sections(scripts: Path) -> Path:
    for name, text in SECTIONS.items():
        (scripts / name).parent.mkdir(exist_ok=True)
        (scripts / name).write_text(text, encoding="utf-8")
    return scripts


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("tuning", "    steps: int = 10\n", "    steps: int = 10\n    warm_up: int\n"),
        ("tuning", "steps: int = 10", "steps: int = Field(20, description='updates')"),
        ("tuning", "import model_validator\n", "import Field, model_validator\n"),
        ("values", "rate: float = 0.1", "rate: float = 0.1\n    decay: float = 0.0"),
    ],
)
def test_a_field_of_a_section_reaches_scripts_as_a_parameter(sections: Path, module: str, old: str, new: str) -> None:
    script = sections / "tune.py"
    replace(
        sections / "ilora/settings/tuning.py", "    steps: int = 10\n", "    steps: int = 10\n    x: int = Field(1)\n"
    )
    before = script_version(script, sections)
    replace(sections / f"ilora/settings/{module}.py", old, new)
    assert script_version(script, sections) == before


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("tuning", "self.steps * 2", "self.steps * 3"),
        ("tuning", "ClassVar[int] = 2", "ClassVar[int] = 3"),
        ("tuning", "import model_validator", "import field_validator"),
        ("tuning", "class Tuning(Base)", "class Tuning(Base, frozen=True)"),
        ("section", "pass", "name: str = ''"),
    ],
)
def test_what_a_section_does_counts(sections: Path, module: str, old: str, new: str) -> None:
    script = sections / "tune.py"
    before = script_version(script, sections)
    replace(sections / f"ilora/settings/{module}.py", old, new)
    assert script_version(script, sections) != before


def test_versions_are_the_same_under_every_python(scripts: Path) -> None:
    """A newer Python reruns nothing: recorded under 3.11, and equal under 3.12 and 3.13."""
    assert script_version(scripts / "build_sequences.py", scripts) == (
        "489a8979f8d02f2e9c7a0749e057fd447a4d88d7cbedc147adb42075d4f4361c"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import ilora.data.missing\n", "imports ilora.data.missing, but .* contains no such module"),
        ("from . import windows\n", "line 1: a relative import that leaves the package 'ilora'"),
        ("x = 1\ndef (\n", "line 2: not valid Python"),
    ],
)
def test_what_cannot_be_followed_is_named(scripts: Path, text: str, message: str) -> None:
    script = scripts / "script.py"
    script.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        script_version(script, scripts)


def test_a_missing_script_is_named(scripts: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing.py"):
        script_version(scripts / "nothing.py", scripts)


def test_what_is_for_type_checkers_is_no_part_of_the_version(scripts: Path) -> None:
    script = scripts / "script.py"
    script.write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ilora.data.windows import Window\nelse:\n"
        "    from ilora.progress import Window\n",
        encoding="utf-8",
    )
    assert set(imported_modules(script, scripts)) == {"ilora", "ilora.progress"}

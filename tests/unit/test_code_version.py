"""A script's code version changes with the modules that it uses, and with no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from ilora.code_version import imported_modules, script_version

LIBRARY = {
    "ilora/__init__.py": '"""The library."""\n',
    "ilora/progress.py": "",
    "ilora/data/__init__.py": "",
    "ilora/data/windows.py": "import numpy\nfrom ilora.data import titles\n",
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
    with (scripts / edited).open("a", encoding="utf-8") as file:
        file.write("# edited\n")
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
    ("text", "message"),
    [
        ("import ilora.data.missing\n", "imports ilora.data.missing, but .* holds no such module"),
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

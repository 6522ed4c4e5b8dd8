"""The command `ilora`: its subcommands, with an example each, and their dispatch."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ilora import cli, run


def test_help_lists_the_commands_with_an_example_each(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    for name, command in cli.COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(command.does)}$", text, re.MULTILINE)
        assert f"\n  ilora {name} " in text


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_a_commands_own_help_shows_its_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main([name, "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: ilora {name} ") and text.endswith(
        f"example:\n  ilora {cli.COMMANDS[name].example}\n"
    )


def test_an_unknown_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["train"])
    assert end.value.code == 2
    assert "invalid choice: 'train' (choose from 'run', 'predict'" in capsys.readouterr().err


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from ilora import cli\ntry:\n    cli.main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'numpy', 'pydantic', 'snakemake'} & set(sys.modules); assert not heavy, heavy"
    )
    library = str(Path(cli.__file__).parents[1])
    subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": library}, check=True, capture_output=True, timeout=60
    )


def test_the_package_installs_the_command(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"ilora": "ilora.cli:main"}


def test_nobody_is_told_to_set_a_path_or_to_name_a_module(repository: Path) -> None:
    files = [
        repository / "README.md",
        repository / "Makefile",
        repository / "config.yaml",
        *repository.glob("docs/*.md"),
    ]
    files += (repository / "workflow_scripts").rglob("*.py")
    told = re.compile(r"PYTHONPATH=|python\)? -m ilora")
    assert [str(path) for path in files if told.search(path.read_text(encoding="utf-8"))] == []


def test_a_study_is_run_from_any_folder_of_the_checkout(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda program, command: started.append(command))
    monkeypatch.chdir(repository / "studies")
    run.main(["smoke.yaml", "--cores", "2", "--dry-run"])
    assert Path.cwd() == repository
    (command,) = started
    assert command[:2] == [sys.executable, str(repository / "workflow_scripts" / "run_study.py")]
    assert command[-5:] == ["--configfile", str(repository / "studies" / "smoke.yaml"), "--cores", "2", "--dry-run"]


def test_without_a_study_the_default_one_is_run(repository: Path) -> None:
    assert "--configfile" not in run.command(repository, None, ["--dry-run"])


def test_what_is_no_study_or_no_checkout_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        run.main(["missing.yaml"])
    assert "missing.yaml: found no such file" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="found no workflow here or in a parent folder, expected Snakefile"):
        run.main([])

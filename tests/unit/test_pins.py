"""Versions stand in envs/requirements.txt; everything else that names one agrees with it."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from ilora.code_version import imported_modules

#: What is installed by another name than it is imported by.
DISTRIBUTED_AS = {"sklearn": "scikit-learn"}

ENVIRONMENTS = ("data", "recommenders", "encoder", "llm", "evaluation", "chat")


def read_pins(path: Path) -> dict[str, str]:
    """Return name and version of every pinned line of a requirements file, refusing any other line."""
    pins: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(("#", "-r ")):
            match = re.fullmatch(r"([A-Za-z0-9_.-]+)==([A-Za-z0-9_.]+)", line)
            assert match, f"{path.name}: {line!r} is no exact pin"
            name = canonicalize_name(match[1])
            assert name not in pins, f"{path.name}: {name} twice"
            pins[name] = match[2]
    return pins


@pytest.fixture(scope="module")
def run_pins(repository: Path) -> dict[str, str]:
    return read_pins(repository / "envs" / "requirements.txt")


@pytest.fixture(scope="module")
def development_pins(repository: Path) -> dict[str, str]:
    return read_pins(repository / "envs" / "requirements-dev.txt")


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_conda_environments_pin_the_same_versions(repository: Path, run_pins: dict[str, str], name: str) -> None:
    specification = yaml.safe_load((repository / "envs" / f"{name}.yaml").read_text(encoding="utf-8"))
    python, installer, packages = specification["dependencies"]
    assert (python, installer, list(packages)) == ("python=3.11", "pip", ["pip"])
    for pin in packages["pip"]:
        package, _, version = pin.partition("==")
        assert run_pins[canonicalize_name(package)] == version, f"envs/{name}.yaml: {pin}"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_conda_environment_has_what_its_scripts_import(repository: Path, name: str) -> None:
    """Follow each script of the rules that name the environment through the library to foreign packages."""
    rules = "\n".join(path.read_text(encoding="utf-8") for path in sorted((repository / "rules").glob("*.smk")))
    scripts = {
        match[1]
        for rule in re.split(r"^rule ", rules, flags=re.MULTILINE)
        if f"envs/{name}.yaml" in rule and (match := re.search(r"workflow_scripts/(\w+)\.py", rule))
    }
    assert scripts
    library = repository / "workflow_scripts"
    imported: set[str] = set()
    for script in scripts:
        path = library / f"{script}.py"
        for module in (path, *imported_modules(path, library).values()):
            imported |= _foreign_packages(module)
    pinned = (repository / "envs" / f"{name}.yaml").read_text(encoding="utf-8")
    missing = {package for package in imported if f"- {package}==" not in pinned}
    assert not missing, f"envs/{name}.yaml lacks {sorted(missing)}"


def _foreign_packages(module: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    # Snakemake gives a script its own package, whatever the environment.
    foreign = names - sys.stdlib_module_names - {"ilora", "snakemake"}
    return {DISTRIBUTED_AS.get(name, name) for name in foreign}


def test_the_package_alone_brings_what_the_adapter_imports(repository: Path) -> None:
    library = repository / "workflow_scripts"
    adapter = library / "ilora" / "adapters" / "__init__.py"
    imported: set[str] = set()
    for module in (adapter, *imported_modules(adapter, library).values()):
        imported |= _foreign_packages(module)
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert imported <= {Requirement(line).name for line in project["dependencies"]}


def test_the_container_has_the_pinned_versions(repository: Path) -> None:
    definition = (repository / "envs" / "apptainer.def").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^%(\w+)\n((?:[ \t]*\S?.*\n)*?)(?=^%|\Z)", definition, re.MULTILINE))
    (copied,) = re.findall(r"envs/requirements\.txt (\S+)", sections["files"])
    (installed,) = re.findall(r"pip install (.+)", sections["post"])
    assert installed.split()[-2:] == ["--requirement", copied] and "==" not in definition
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert re.search(rf"^From: python:{re.escape(python)}-", definition, re.MULTILINE)


def test_every_conda_environment_is_checked(repository: Path) -> None:
    assert {path.stem for path in (repository / "envs").glob("*.yaml")} == set(ENVIRONMENTS)


def test_the_language_model_runs_without_recbole(repository: Path) -> None:
    assert "recbole" not in (repository / "envs" / "llm.yaml").read_text(encoding="utf-8").split("dependencies")[1]


def test_the_installed_versions_are_the_pinned_ones(run_pins: dict[str, str], development_pins: dict[str, str]) -> None:
    installed = {name: Version(metadata.version(name)).public for name in {**run_pins, **development_pins}}
    assert installed == {**run_pins, **development_pins}


def test_every_installed_dependency_is_pinned(run_pins: dict[str, str], development_pins: dict[str, str]) -> None:
    pinned = {**run_pins, **development_pins}
    for name in pinned:
        for line in metadata.requires(name) or []:
            requirement = Requirement(line)
            wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            # A CUDA build of torch brings packages of its own, which torch itself pins.
            if wanted and name != "torch":
                assert canonicalize_name(requirement.name) in pinned, f"{name} needs {line}"


def test_the_project_admits_the_pinned_versions(
    repository: Path, run_pins: dict[str, str], development_pins: dict[str, str]
) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = project["dependencies"] + sum(project["optional-dependencies"].values(), [])
    for line in lines:
        requirement = Requirement(line)
        version = {**run_pins, **development_pins}[canonicalize_name(requirement.name)]
        assert version in requirement.specifier, f"pyproject.toml: {line}, pinned {version}"

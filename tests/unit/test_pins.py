"""`make pins` writes the pins of envs/ from pyproject.toml; everything that names a version agrees with them."""

from __future__ import annotations

import ast
import functools
import platform
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ilora.code_version import imported_modules
from ilora.configuration.packaged_models import INSTALLATION, PACKAGED_MODELS

#: Distribution names that differ from import names.
DISTRIBUTED_AS = {"sklearn": "scikit-learn"}

ENVIRONMENTS = ("data", "recommenders", "encoder", "llm", "evaluation", "chat")


#: The command that installs a package without its declared dependencies, as RecBole declares more than its models need.
WITHOUT_DEPENDENCIES = re.compile(r"^python -m pip install --no-deps --no-input (\S+)$", re.MULTILINE)

PYTHONS = ("3.11", "3.12", "3.13")


def read_pins(path: Path) -> list[Requirement]:
    """Return the requirements of a file of pins, after checking that all are exact and have hashes."""
    blocks = re.findall(r"^[^\s#].*\n(?:[ ]+.*\n)*", path.read_text(encoding="utf-8"), re.MULTILINE)
    requirements = []
    for block in blocks:
        line, *hashes = block.splitlines()
        requirement = Requirement(line.removesuffix("\\"))
        (specifier,) = requirement.specifier
        assert specifier.operator in ("==", "===") and "*" not in specifier.version, f"{path.name}: {line}"
        assert hashes and all(re.fullmatch(r" +--hash=sha256:[0-9a-f]{64}( \\)?", one) for one in hashes), block
        requirements.append(requirement)
    return requirements


def pins_on(
    repository: Path, python: str, system: str = "linux", machine: str = "x86_64", torch: str = "cuda"
) -> dict[str, str]:
    """Return the names and versions installed on a system, after checking that none is pinned twice."""
    environment = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": system}
    environment |= {
        "platform_machine": machine,
        "platform_system": {"linux": "Linux", "darwin": "Darwin"}[system],
        "extra": "",
    }
    pins: dict[str, str] = {}
    for file in ("requirements.txt", f"torch-{torch}.txt", "requirements-dev.txt"):
        for requirement in read_pins(repository / "envs" / file):
            if requirement.marker is None or requirement.marker.evaluate(environment):
                name = canonicalize_name(requirement.name)
                assert name not in pins, f"{name} twice on Python {python}, {system}"
                (specifier,) = requirement.specifier
                pins[name] = specifier.version
    return pins


@pytest.fixture(scope="module")
def pins(repository: Path) -> dict[str, str]:
    """The pins for the Python that runs the tests, with the installed build of torch."""
    build = "cpu" if metadata.version("torch").endswith("+cpu") else "cuda"
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return pins_on(repository, python, sys.platform, platform.machine(), torch=build)


def conda_packages(repository: Path, name: str) -> dict[str, str]:
    """Return the packages that a conda environment installs, by name, including RecBole without its dependencies."""
    folder = repository / "envs"
    specification = yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))
    python, installer, packages = specification["dependencies"]
    assert (python, installer, list(packages)) == ("python=3.13", "pip", ["pip"])
    lines = list(packages["pip"])
    if (script := folder / f"{name}.post-deploy.sh").exists():
        lines += WITHOUT_DEPENDENCIES.findall(script.read_text(encoding="utf-8"))
    return dict(line.split("==") for line in lines)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_conda_environments_pin_the_same_versions(repository: Path, name: str) -> None:
    pinned = pins_on(repository, "3.13")
    for package, version in conda_packages(repository, name).items():
        assert pinned[canonicalize_name(package)] == version, f"envs/{name}.yaml: {package}"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_conda_environment_resolves_without_what_recbole_declares(repository: Path, name: str) -> None:
    assert "recbole==" not in (repository / "envs" / f"{name}.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["recommenders", "encoder"])
def test_a_conda_environment_has_what_recboles_models_import(repository: Path, name: str) -> None:
    packages = {canonicalize_name(package) for package in conda_packages(repository, name)}
    assert {"recbole", *declared(repository)["recbole"]} <= packages


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_conda_environment_has_what_its_scripts_import(repository: Path, name: str) -> None:
    """Third-party imports are followed from each script of the environment's rules through the library."""
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
    missing = imported - set(conda_packages(repository, name))
    assert not missing, f"envs/{name}.yaml lacks {sorted(missing)}"


@functools.cache
def _foreign_packages(module: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    # Snakemake provides its own package to scripts in every environment.
    foreign = names - sys.stdlib_module_names - {"ilora", "snakemake"}
    return {DISTRIBUTED_AS.get(name, name) for name in foreign}


def test_the_package_alone_brings_what_the_adapter_imports(repository: Path) -> None:
    library = repository / "workflow_scripts"
    adapter = library / "ilora" / "adapters" / "__init__.py"
    imported: set[str] = set()
    for module in (adapter, *imported_modules(adapter, library).values()):
        imported |= _foreign_packages(module)
    assert imported <= {Requirement(line).name for line in project(repository)["dependencies"]}


def test_the_container_has_the_pinned_versions(repository: Path) -> None:
    definition = (repository / "envs" / "apptainer.def").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^%(\w+)\n((?:[ \t]*\S?.*\n)*?)(?=^%|\Z)", definition, re.MULTILINE))
    copied = dict(re.findall(r"envs/(\S+\.txt) (\S+)", sections["files"]))
    assert set(copied) == {"requirements.txt", "torch-cuda.txt", "pretrained.txt"} and "==" not in definition
    (installed,) = re.findall(r"pip install (.+)", sections["post"])
    assert {"--no-deps", "--require-hashes"} <= set(installed.split())
    assert re.findall(r"--requirement (\S+)", installed) == list(copied.values())
    assert re.search(r"^From: python:3\.13-", definition, re.MULTILINE)


def test_the_models_in_packages_are_pinned(repository: Path) -> None:
    pinned = {pin.name: str(pin.specifier) for pin in read_pins(repository / "envs" / "pretrained.txt")}
    assert pinned == {model.package: f"=={model.version}" for model in PACKAGED_MODELS.values()}
    assert ".venv/installed-pretrained:" in (repository / "Makefile").read_text(encoding="utf-8")
    assert INSTALLATION == "make .venv/installed-pretrained"


def test_every_conda_environment_is_checked(repository: Path) -> None:
    assert {path.stem for path in (repository / "envs").glob("*.yaml")} == set(ENVIRONMENTS)
    scripts = {path.name.removesuffix(".post-deploy.sh") for path in (repository / "envs").glob("*.post-deploy.sh")}
    assert scripts <= set(ENVIRONMENTS)


def test_the_language_model_runs_without_recbole(repository: Path) -> None:
    assert "recbole" not in conda_packages(repository, "llm")


def test_the_supported_pythons_are_named_alike(repository: Path) -> None:
    classifiers = project(repository)["classifiers"]
    assert [line.rsplit(" ", 1)[1] for line in classifiers] == list(PYTHONS)
    installer = (repository / "envs" / "install.sh").read_text(encoding="utf-8")
    assert re.findall(r'^pythons="(.+)"', installer, re.MULTILINE) == [" ".join(reversed(PYTHONS))]
    tools = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert tools["ruff"]["target-version"] == "py311"


def test_the_installed_versions_are_the_pinned_ones(pins: dict[str, str]) -> None:
    assert {name: metadata.version(name) for name in pins} == pins


@pytest.mark.parametrize("python", PYTHONS)
def test_every_declared_dependency_is_pinned(repository: Path, python: str) -> None:
    """Dependencies of the installed packages under each Python; pyproject.toml has those of RecBole and TensorBoard."""
    pinned = pins_on(repository, python)
    environment = {"extra": "", "python_version": python, "python_full_version": f"{python}.0"}
    for name in pinned:
        try:
            lines = declared(repository).get(name) or metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # part of the other build of torch
        for line in lines:
            requirement = Requirement(line)
            wanted = requirement.marker is None or requirement.marker.evaluate(environment)
            if wanted:
                assert canonicalize_name(requirement.name) in pinned, f"{name} needs {line}"


@pytest.mark.parametrize("python", PYTHONS)
def test_both_builds_of_torch_are_of_one_version(repository: Path, python: str) -> None:
    cuda, cpu = (pins_on(repository, python, torch=build)["torch"] for build in ("cuda", "cpu"))
    assert cpu == f"{cuda}+cpu"
    assert pins_on(repository, python, "darwin", "arm64", torch="cpu")["torch"] == cuda


@pytest.mark.parametrize("python", PYTHONS)
def test_nothing_of_cuda_comes_with_the_cpu_build(repository: Path, python: str) -> None:
    for system, machine in (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")):
        names = pins_on(repository, python, system, machine, torch="cpu")
        assert not [name for name in names if name.startswith(("nvidia-", "cuda-", "triton"))]


def test_nothing_is_pinned_that_nobody_imports(repository: Path) -> None:
    """Dependencies that RecBole and TensorBoard declare, but neither the models nor the event writer import."""
    assert not {"ray", "thop", "grpcio", "werkzeug", "markdown", "tensorboard-data-server"} & set(
        pins_on(repository, "3.13")
    )


@pytest.mark.parametrize("python", PYTHONS)
def test_the_project_admits_the_pinned_versions(repository: Path, python: str) -> None:
    lines = project(repository)["dependencies"] + sum(project(repository)["optional-dependencies"].values(), [])
    pinned = pins_on(repository, python)
    for line in lines:
        requirement = Requirement(line)
        version = pinned[canonicalize_name(requirement.name)]
        assert version in requirement.specifier, f"pyproject.toml: {line}, pinned {version}"


def project(repository: Path) -> dict[str, Any]:
    """Return the project table of pyproject.toml."""
    content: dict[str, Any] = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    return content["project"]


def declared(repository: Path) -> dict[str, list[str]]:
    """Return the dependencies, by package, with which pyproject.toml overrides those of the package itself."""
    content = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    return {package["name"]: package["requires-dist"] for package in content["tool"]["uv"]["dependency-metadata"]}

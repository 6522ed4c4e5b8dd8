"""Code in the README and the pages of docs/ works as shown."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from transformers import LlamaConfig, LlamaForCausalLM

from ilora.configuration.loading import load_study


def code(page: Path, language: str) -> list[str]:
    """Return the code blocks of a page."""
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def test_the_example_of_the_adapter_runs(repository: Path, tmp_path: Path) -> None:
    (example,) = code(repository / "README.md", "python")
    assert code(repository / "docs" / "adapter.md", "python") == [example]
    config = LlamaConfig(
        vocab_size=50,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path / "model")
    names: dict[str, object] = {}
    exec(example.replace("path/to", str(tmp_path)), names)
    assert names["answers"].shape == (2, 8)  # type: ignore[attr-defined]
    assert {path.name for path in (tmp_path / "adapter").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "README.md",
    }


def test_the_examples_of_ones_own_data_are_valid_studies(repository: Path) -> None:
    examples = code(repository / "docs" / "your_own_data.md", "yaml")
    books, movies, split, sequences = (load_study(yaml.safe_load(example)) for example in examples)
    assert books.datasets == ("books", "movielens") and books.data.own["books"].words.participle == "read"
    assert split.protocol == "released" and split.data.own["books"].splits == "books/users.csv"
    assert movies.data.own["ml_1m"].separator == "::"
    assert sequences.data.own["beauty_ids"].columns.title == "item_id"


@pytest.mark.parametrize("target", ["run", "study", "figures", "report", "slurm"])
def test_no_target_cuts_a_study_off_from_the_hub(repository: Path, target: str) -> None:
    """The configuration, which ARGUMENTS may name, decides whether a study uses a model from there."""
    make = ["make", "--dry-run", "--old-file=.venv/installed", target, "ARGUMENTS=--configfile mine.yaml"]
    commands = subprocess.run(make, cwd=repository, capture_output=True, text=True, check=True).stdout
    assert "--configfile mine.yaml" in commands
    assert "OFFLINE" not in commands


def test_every_make_target_it_names_exists(repository: Path) -> None:
    readme = (repository / "README.md").read_text(encoding="utf-8")
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([a-z]+)\b(?=[ `\n])", readme))
    assert {"run", "test", "study", "report"} <= named
    assert {target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)} == set()


def test_it_is_short(repository: Path) -> None:
    assert len((repository / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_every_page_is_in_the_index_and_every_link_leads_somewhere(repository: Path) -> None:
    pages = {path.name: path.read_text(encoding="utf-8") for path in (repository / "docs").glob("*.md")}
    assert {name for name in pages if f"({name})" not in pages["index.md"]} == {"index.md"}
    texts = {repository / "docs" / name: text for name, text in pages.items()}
    texts[repository / "README.md"] = (repository / "README.md").read_text(encoding="utf-8")
    links = [
        (path.name, link)
        for path, text in texts.items()
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        if not (path.parent / link).exists()
    ]
    assert links == []

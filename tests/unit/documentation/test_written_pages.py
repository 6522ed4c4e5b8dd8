"""The pages of docs/ generated from the code."""

from pathlib import Path

from ilora.documentation.__main__ import outdated_pages
from ilora.documentation.artifacts_page import artifacts_page
from ilora.documentation.configuration_page import configuration_page
from ilora.documentation.deviations_page import deviations_page
from ilora.documentation.markdown import markdown_table


def test_they_are_what_the_code_gives() -> None:
    """If this fails after a change to the configuration, the layout or the deviations, run `ilora docs --write`."""
    assert outdated_pages() == []


def test_a_cell_never_breaks_its_table() -> None:
    assert markdown_table(("a", "b"), [("x|y", "two\nlines")]) == "| a | b |\n| --- | --- |\n| x\\|y | two lines |\n"


def test_every_key_is_on_the_page_of_the_configuration() -> None:
    page = configuration_page()
    assert "## `finetuning`" in page and "### `recommenders.sasrec`" in page
    assert "| `seeds` | `[1]` |" in page and "[released, random_users, chronological]" in page


def test_an_artifact_stands_with_its_path(repository: Path) -> None:
    page = artifacts_page(repository / "results" / "README.md")
    assert "| `sequences` | `data/{dataset}/{protocol}/sequences.parquet` |" in page
    assert "| `raw/` |" in page


def test_a_deviation_stands_once_with_the_first_study_that_has_it(tmp_path: Path) -> None:
    default, other = tmp_path / "default.yaml", tmp_path / "other.yaml"
    default.write_text("study: one\n")
    other.write_text("study: two\nfinetuning: {experts: 8}\n")
    page = deviations_page({"One": default, "Two": other})
    first, second = page.split("## Two")
    assert "| Number of experts |" in second and "| Gate |" in first and "| Gate |" not in second

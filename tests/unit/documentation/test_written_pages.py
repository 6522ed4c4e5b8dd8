"""The pages of docs/ generated from the code."""

from pathlib import Path

import pyarrow as pa

from ilora.artifacts.parquet import write_table
from ilora.documentation.__main__ import outdated_pages
from ilora.documentation.artifacts_page import artifacts_page
from ilora.documentation.configuration_page import configuration_page
from ilora.documentation.deviations_page import deviations_page
from ilora.documentation.switches_page import switches_page
from ilora.evaluation.schemas import SWEEP
from ilora.plotting.markdown_table import markdown_table


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


def test_a_switch_is_compared_with_the_studys_own_setting(tmp_path: Path) -> None:
    """The table has the study's own setting minus the other one, and the page the opposite."""
    study, table = tmp_path / "study.yaml", tmp_path / "sweeps.parquet"
    study.write_text("sweeps: {start: {title: The start, parameter: projector_start, values: [scaled, unscaled]}}\n")
    common = {
        **dict.fromkeys(("dataset", "protocol", "backbone", "method", "parameter", "variant", "covers"), "x"),
        **{"sweep": "start", "metric": "hit_ratio@1", "seeds": 1, "n": 9, "draws": 1, "confidence": 0.95},
        **{"low": 0.1, "high": 0.4},
    }
    rows = [
        {**common, "split": split, "setting": setting, "value": value, "is_reference": setting == "scaled", **compared}
        for split in ("test", "val_test")
        for setting, value, compared in (
            ("scaled", 0.3, {}),
            ("unscaled", 0.1, {"difference": 0.2, "difference_low": 0.05, "difference_high": 0.35}),
        )
    ]
    write_table(pa.Table.from_pylist(rows, schema=SWEEP), table)
    page = switches_page(table, study)
    own = "0.300 [0.100, 0.400] | the study's own"
    other = "0.100 [0.100, 0.400] | **-0.200 [-0.350, -0.050]**"
    assert f"| The start | `scaled` | {own} | {own} |\n|  | `unscaled` | {other} | {other} |\n" in page

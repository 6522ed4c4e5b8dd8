"""A figure is added by its module alone, following docs/adding_a_figure.md."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from checkout import PARTS, SMOKE, Checkout
from page import BLOCK, write

pytestmark = pytest.mark.timeout(1200)

MODULE = "workflow_scripts/ilora/figures/mrr.py"


def sources(folder: Path) -> dict[str, bytes]:
    """Return the source files of the workflow, by their path in the copy."""
    kept = [path for part in PARTS for path in [folder / part, *(folder / part).rglob("*")] if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in kept if path.suffix != ".pyc"}


@pytest.fixture(scope="module")
def added(finished: Checkout, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The finished smoke study in a copy of the workflow with the page's figure."""
    copy = Checkout.like(finished, tmp_path_factory.mktemp("added") / "checkout")
    page = (repository / "docs" / "adding_a_figure.md").read_text(encoding="utf-8")
    (_, module), (_, command) = BLOCK.findall(page)
    assert write(copy.folder, module) == MODULE
    assert sources(copy.folder) == sources(finished.folder) | {MODULE: sources(copy.folder)[MODULE]}
    process = copy.snakemake(*command.split()[1:])
    assert process.returncode == 0, process.stdout
    return copy


def test_it_is_drawn_beside_its_data(added: Checkout) -> None:
    path = added.results / "figures" / "movielens" / "mrr"
    assert path.with_suffix(".svg").read_text(encoding="utf-8").rstrip().endswith("</svg>")
    assert path.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    assert path.with_suffix(".parquet.provenance.json").exists()
    shown = pq.read_table(path.with_suffix(".parquet"))
    assert set(shown["metric"].to_pylist()) == {"mrr"} and set(shown["split"].to_pylist()) == {"test"}
    assert shown["method"].to_pylist()[:2] == ["popularity", "sasrec"]


def test_it_is_part_of_every_study_and_its_edit_redraws_it_alone(added: Checkout) -> None:
    assert added.planned_jobs(*SMOKE, "--", "figures") == {}
    path = added.folder / MODULE
    path.write_text(path.read_text(encoding="utf-8").replace("MRR on test users", "MRR"), encoding="utf-8")
    assert added.planned_jobs(*SMOKE, "--", "figures") == {"draw_mrr": 1, "figures": 1}

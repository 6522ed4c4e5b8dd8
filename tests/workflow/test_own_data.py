"""User data: the worked example of the studies, from two CSV files to Table 1."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

import small_books
from checkout import SMOKE, Checkout

pytestmark = pytest.mark.timeout(600)

OWN = (*SMOKE, "studies/own_data.yaml")


def test_the_small_data_set_is_what_its_script_writes() -> None:
    files = {path.name: path.read_bytes() for path in small_books.FOLDER.iterdir()}
    assert files == small_books.contents()


def test_the_example_ends_in_table_1(checkout: Checkout) -> None:
    process = checkout.snakemake("--cores", "all", *OWN)
    assert process.returncode == 0, process.stdout
    table = pq.read_table(checkout.results / "tables" / "table1.parquet").to_pydict()
    assert set(table["dataset"]) == {"books"} and set(table["method"]) == {"popularity", "sasrec", "ilora"}
    assert set(table["paper_hit_ratio@1"]) == {None}
    assert (checkout.results / "figures" / "books" / "hit_ratio.svg").stat().st_size > 0

    titles = pq.read_table(checkout.results / "data" / "books" / "random_users" / "items.parquet")["title"].to_pylist()
    assert {'Maps, "Lost" and Found', "Winters of Salt", "<s> Doors </s>", "Glass"} <= set(titles)
    assert "" not in titles
    log = (checkout.results / "logs" / "prepare_interactions" / "books" / "random_users.log").read_text(
        encoding="utf-8"
    )
    assert "1 with a missing value dropped" in log and "1 without a title dropped" in log


def test_the_example_by_the_other_protocol(checkout: Checkout) -> None:
    target = "results/smoke/data/books/chronological/candidates.parquet"
    process = checkout.snakemake("--cores", "all", *OWN, "--config", "protocol=chronological", "--", target)
    assert process.returncode == 0, process.stdout
    draws = pq.read_table(checkout.folder / target)
    assert draws.num_rows > small_books.READERS


def test_files_that_are_missing_are_named(checkout: Checkout) -> None:
    (checkout.folder / "tests" / "workflow" / "small_books" / "books.csv").unlink()
    target = "results/smoke/data/books/random_users/interactions.parquet"
    process = checkout.snakemake("--cores", "1", *OWN, "--", target)
    assert process.returncode != 0
    assert "small_books/books.csv: no such file. Correct data.own, or put the file there." in process.stdout

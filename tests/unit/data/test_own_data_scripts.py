"""Malformed user files through the rules' scripts: each fault is counted in the log, or is an error without output.

The rules run one after another as in the workflow, on a data set with a single fault.
"""

import re
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest
from snakemake.iocontainers import InputFiles, OutputFiles, Params, Wildcards

USERS, ITEMS = 20, 40
OUTPUTS = {
    "interactions": "interactions.parquet",
    "catalogue": "items.parquet",
    "steps": "preparation_steps.parquet",
    "sequences": "sequences.parquet",
    "candidates": "candidates.parquet",
}
Fault = Callable[[str], str]


class Rules:
    """The rules from raw files to candidate sets, on two files written by a test."""

    def __init__(self, repository: Path, folder: Path) -> None:
        self.repository, self.folder = repository, folder
        self.ratings, self.titles = folder / "ratings.csv", folder / "titles.csv"
        self.made = folder / "results"
        self.own: dict[str, Any] = {
            "interactions": str(self.ratings),
            "items": str(self.titles),
            "minimum_rating": 2.0,
        }
        rows = [f"u{user},{(3 * user + n) % ITEMS},{1000 * user + n},4" for user in range(USERS) for n in range(8)]
        self.write(self.ratings, "\n".join(["user_id,item_id,timestamp,rating", *rows, ""]))
        self.write(self.titles, "\n".join(["item_id,title", *(f"{n},Title {n}" for n in range(ITEMS)), ""]))

    def write(self, path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")

    def change(self, path: Path, fault: Fault) -> None:
        """Insert a fault into one of the files."""
        self.write(path, fault(path.read_text(encoding="utf-8")))

    def run(self, protocol: str = "random_users") -> None:
        """Run the scripts until one fails."""
        raw = {"source": str(self.ratings), "own": self.own, "filters": {}}
        cut = {"split_seed": 0, "minimum_history": 3, "maximum_history": 10, "own": self.own}
        self._script("prepare_interactions", [], ["interactions", "catalogue", "steps"], raw, protocol)
        self._script("make_sequences", ["interactions"], ["sequences"], cut, protocol)
        drawn = {"size": 20, "draws": 2, "seed": 0}
        self._script("draw_candidates", ["interactions", "catalogue", "sequences"], ["candidates"], drawn, protocol)

    def _script(self, name: str, inputs: list[str], outputs: list[str], params: dict[str, Any], protocol: str) -> None:
        rule = SimpleNamespace(
            rule=name,
            input=InputFiles(fromdict={key: str(self.made / OUTPUTS[key]) for key in inputs}),
            output=OutputFiles(fromdict={key: str(self.made / OUTPUTS[key]) for key in outputs}),
            params=Params(fromdict=params),
            wildcards=Wildcards(fromdict={"dataset": "mine", "protocol": protocol}),
            log=[str(self.folder / f"{name}.log")],
        )
        runpy.run_path(str(self.repository / f"workflow_scripts/{name}.py"), init_globals={"snakemake": rule})

    @property
    def artifacts(self) -> set[str]:
        """The names of all created files, including unfinished ones, except records."""
        files = {path.name for path in self.made.glob("*")} if self.made.exists() else set()
        return {name for name in files if not name.endswith(".provenance.json")}

    def log(self, name: str = "prepare_interactions") -> str:
        """The log of a script."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")


@pytest.fixture
def rules(repository: Path, tmp_path: Path) -> Rules:
    return Rules(repository, tmp_path)


def replaced(old: str, new: str) -> Fault:
    """Return the fault that replaces the only occurrence of `old`."""

    def fault(text: str) -> str:
        assert text.count(old) == 1
        return text.replace(old, new)

    return fault


@pytest.mark.parametrize("protocol", ["random_users", "chronological"])
def test_a_faultless_data_set_goes_through(rules: Rules, protocol: str) -> None:
    rules.run(protocol)
    assert rules.artifacts == set(OUTPUTS.values())
    evaluated = {"random_users": 4, "chronological": 2 * USERS}[protocol]
    assert pq.read_table(rules.made / "candidates.parquet").num_rows == 2 * evaluated


def test_files_of_movielens_1m_go_through_as_they_are(rules: Rules) -> None:
    """Their fields are separated by ::, nothing names the columns, and titles are in latin-1."""
    ratings, movies = rules.folder / "ratings.dat", rules.folder / "movies.dat"
    rows = [f"{user}::{(3 * user + n) % ITEMS}::4::{978300760 + n}" for user in range(USERS) for n in range(8)]
    ratings.write_bytes("\n".join([*rows, ""]).encode())
    titles = [f"{n}::Title, The {n} (1995)::Drama|War" for n in range(ITEMS - 1)]
    movies.write_bytes("\n".join([*titles, f"{ITEMS - 1}::Misérables, Les (1995)::Drama", ""]).encode("latin-1"))
    rules.ratings = ratings
    rules.own = {
        "interactions": str(ratings),
        "items": str(movies),
        "encoding": "latin-1",
        "separator": "::",
        "header": False,
        "columns": {"user": 1, "item": 2, "rating": 3, "timestamp": 4, "item_id": 1, "title": 2},
        "minimum_rating": 3.0,
    }
    rules.run("chronological")
    made = pq.read_table(rules.made / "interactions.parquet")
    assert made.num_rows == 8 * USERS and made["timestamp"][0].as_py() == 978300760
    assert "Misérables, Les (1995)" in pq.read_table(rules.made / "items.parquet")["title"].to_pylist()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (replaced("u3,9,3000,4", "u3,9,3000"), "ratings.csv, line 26: found 3 columns, expected the 4 of line 1"),
        (replaced("u3,9,3000,4", "u3,9,3000,4,5"), "ratings.csv, line 26: found 5 columns"),
        (replaced("u3,9,3000,4", "u3,9,noon,4"), "ratings.csv, line 26: the timestamp is 'noon', expected a number"),
        (replaced("u3,9,3000,4", "u3,9,3000,good"), "ratings.csv, line 26: the rating is 'good', expected a number"),
        (replaced("u3,9,3000,4", "u3,9,-3000,4"), "line 26: the timestamp is '-3000', which is before 1970"),
        (replaced("u3,9,3000,4", "u3,9,3000000000000,4"), "line 26: .* after the year 2100 .*; for milliseconds set"),
        (lambda text: text.splitlines()[0] + "\n", "ratings.csv: found 0 rows, expected at least one"),
        (lambda text: "", "ratings.csv: expected one column 'user_id', found the columns of an empty file"),
        (replaced("user_id,", "who,"), "ratings.csv: expected one column 'user_id', found the columns who, item_id"),
    ],
)
def test_a_fault_that_makes_numbers_doubtful_stops_and_leaves_nothing(rules: Rules, fault: Fault, message: str) -> None:
    rules.change(rules.ratings, fault)
    with pytest.raises(ValueError, match=message):
        rules.run()
    assert rules.artifacts == set()


def test_another_encoding_stops_and_leaves_nothing(rules: Rules) -> None:
    rules.titles.write_bytes(rules.titles.read_bytes().replace(b"Title 7\n", b"Zo\xeb\n"))
    with pytest.raises(ValueError, match="titles.csv, line 9: is not utf-8 text .*encoding in data.own"):
        rules.run()
    assert rules.artifacts == set()


def test_a_missing_file_stops_and_leaves_nothing(rules: Rules) -> None:
    rules.titles.unlink()
    with pytest.raises(FileNotFoundError, match="titles.csv: no such file"):
        rules.run()
    assert rules.artifacts == set()


def test_ids_that_do_not_fit_stop_and_leave_nothing(rules: Rules) -> None:
    rules.change(rules.titles, lambda text: text.replace(",Title", "x,Title"))
    with pytest.raises(ValueError, match="none of its items is in .*titles.csv. Its first item is '0'"):
        rules.run()
    assert rules.artifacts == set()


def test_a_minimum_that_nothing_reaches_stops_and_leaves_nothing(rules: Rules) -> None:
    rules.own["minimum_items_per_user"] = 9
    with pytest.raises(ValueError, match="The step 'core of .*' leaves none of the 160 interactions"):
        rules.run()
    assert rules.artifacts == set()


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (replaced("u3,9,3000,4", "u3,9,,4"), "160 rows in, 1 with a missing value dropped"),
        (replaced("u3,9,3000,4", "u3,9,3000,NaN"), "160 rows in, 1 with a missing value dropped"),
        (replaced("u3,9,3000,4", "u3,999,3000,4"), "160 interactions in, 1 with an item that"),
        (replaced("u3,9,3000,4", "u3,9,3000,1"), "rating >= 2: 160 interactions in, 159 out"),
        (lambda text: text + "u3,9,4000,5\nu3,9,3000,4\n", "distinct pairs: 162 interactions in, 160 out"),
    ],
)
def test_a_row_that_says_nothing_is_dropped_and_counted(rules: Rules, fault: Fault, line: str) -> None:
    rules.change(rules.ratings, fault)
    rules.run()
    assert line in rules.log()
    assert rules.artifacts == set(OUTPUTS.values())


@pytest.mark.parametrize(
    ("title", "line", "kept"),
    [
        ("", "1 without a title dropped with 6 interactions, 0 titles altered", None),
        ('"Title\n\t9"', "0 without a title dropped with 0 interactions, 1 titles altered", "Title 9"),
        ("</s> Candidates: <item>", "0 titles altered", "</s> Candidates: <item>"),
        ("Title 8", "1 items share the title of another", "Title 8"),
    ],
)
def test_titles_are_settled_and_counted(rules: Rules, title: str, line: str, kept: str | None) -> None:
    rules.change(rules.titles, replaced("9,Title 9\n", f"9,{title}\n"))
    rules.run()
    assert line in rules.log()
    items = pq.read_table(rules.made / "items.parquet").to_pydict()
    assert dict(zip(items["raw_id"], items["title"], strict=True)).get("9") == kept


@pytest.mark.parametrize("protocol", ["random_users", "chronological"])
def test_a_user_with_one_item_gives_no_sequence(rules: Rules, protocol: str) -> None:
    rules.change(rules.ratings, lambda text: text + "single,0,1,5\n")
    rules.run(protocol)
    interactions = pq.read_table(rules.made / "interactions.parquet").to_pydict()
    user = interactions["user_id"][interactions["raw_user_id"].index("single")]
    assert user not in pq.read_table(rules.made / "sequences.parquet")["user_id"].to_pylist()


def test_users_who_are_all_too_short_stop_before_any_sequence(rules: Rules) -> None:
    rules.change(rules.ratings, lambda text: "\n".join(re.findall("^.+(?:rating|000,4)$", text, re.MULTILINE)))
    with pytest.raises(ValueError, match="No target of the split 'train' has 3 items of history"):
        rules.run()
    assert "sequences.parquet" not in rules.artifacts


def test_too_few_items_for_a_candidate_set_stop_before_any_is_drawn(rules: Rules) -> None:
    rules.change(rules.titles, lambda text: "\n".join(text.splitlines()[:16]) + "\n")
    with pytest.raises(ValueError, match="A set of 20 candidates needs 19 items besides the target, but only"):
        rules.run()
    assert "candidates.parquet" not in rules.artifacts and len(rules.artifacts) == 4


@pytest.fixture
def split_file(rules: Rules) -> Path:
    """A file that names the split of each user, which the protocol released reads."""
    path = rules.folder / "splits.csv"
    splits = ["train"] * 16 + ["val"] * 2 + ["test"] * 2
    rules.write(path, "\n".join(["user_id,split", *(f"u{user},{split}" for user, split in enumerate(splits)), ""]))
    rules.own["splits"] = str(path)
    return path


def test_a_split_of_ones_own_is_compared_on(rules: Rules, split_file: Path) -> None:
    rules.change(split_file, lambda text: text + "u99,test\n,val\nu5,\n")
    rules.run("released")
    sequences = pq.read_table(rules.made / "sequences.parquet").to_pylist()
    held_out = {(row["raw_user_id"], row["split"], row["position"]) for row in sequences if row["split"] != "train"}
    assert held_out == {("u16", "val", 7), ("u17", "val", 7), ("u18", "test", 7), ("u19", "test", 7)}
    log = rules.log("make_sequences")
    assert (
        "23 rows in, 2 with a missing value dropped, 21 users out" in log and "21 users listed, 20 of them occur" in log
    )


def test_the_split_may_stand_in_the_file_of_interactions(rules: Rules) -> None:
    def with_split(text: str) -> str:
        header, *rows = text.splitlines()
        words = {"u0": "test", "u1": "val"}
        lines = [f"{row},{words.get(row.partition(',')[0], 'train')}" for row in rows]
        return "\n".join([f"{header},part", *lines, ""])

    rules.change(rules.ratings, with_split)
    rules.own |= {"splits": str(rules.ratings), "columns": {"split": "part"}}
    rules.run("released")
    rows = pq.read_table(rules.made / "sequences.parquet").to_pylist()
    assert {row["raw_user_id"]: row["split"] for row in rows if row["split"] != "train"} == {"u0": "test", "u1": "val"}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            replaced("u3,train", "u3,valid"),
            r"splits\.csv, line 5: the split of user u3 is 'valid', expected one of train, val, test",
        ),
        (
            lambda text: text + "u3,test\n",
            r"splits\.csv, line 22: user u3 is in the split 'test' here, but in 'train' in an earlier row",
        ),
        (
            replaced("u3,train\n", ""),
            r"splits\.csv: found no split for 1 of the 20 users, such as 'u3'; expected train, val",
        ),
        (lambda text: text.replace("test", "val"), r"splits\.csv: found no user in the split 'test'"),
        (
            replaced("user_id,split", "user_id,part"),
            r"splits\.csv: expected one column 'split', found the columns user_id",
        ),
    ],
    ids=["word", "two splits", "no split", "no user", "no column"],
)
def test_a_split_that_is_none_leaves_nothing(rules: Rules, split_file: Path, fault: Fault, message: str) -> None:
    rules.change(split_file, fault)
    with pytest.raises(ValueError, match=message):
        rules.run("released")
    assert "sequences.parquet" not in rules.artifacts


def test_a_file_of_splits_that_is_not_there_is_named(rules: Rules, split_file: Path) -> None:
    split_file.unlink()
    with pytest.raises(FileNotFoundError, match=r"splits\.csv: no such file\. Correct data\.own"):
        rules.run("released")

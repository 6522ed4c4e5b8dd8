"""The script that asks a chat model, run as by its rule; and the key, which none of its outputs may contain."""

from __future__ import annotations

import json
import logging
import runpy
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from snakemake.iocontainers import InputFiles, OutputFiles, Params, Wildcards

from chat_server import ANSWERS, ChatServer
from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.schemas import CANDIDATES, ITEMS, SEQUENCES
from ilora.baselines.chat.errors import ChatError
from ilora.configuration.sections.chat import ChatSection
from ilora.datasets.register import DATASETS
from ilora.evaluation.answer_categories import AnswerCategory, categorise_answers
from ilora.predictions.checking import check_predictions
from ilora.predictions.schema import PREDICTIONS

KEY = "sk-proj-NeverToBeSeen-0123456789"
TITLES = ["Alien", "Brazil", "Casino", "Dune", "Emma", "Fargo"]
TABLES = {
    "catalogue": (
        ITEMS,
        [{"item_id": item, "title": title, "raw_id": "r", "metadata": "{}"} for item, title in enumerate(TITLES)],
    ),
    "sequences": (
        SEQUENCES,
        [
            dict(zip(SEQUENCES.names, (0, "train", 0, "u0", 2, [0, 1], 2), strict=True)),
            dict(zip(SEQUENCES.names, (1, "val", 2, "u2", 2, [4, 1], 0), strict=True)),
            dict(zip(SEQUENCES.names, (2, "test", 3, "u3", 2, [2, 5], 4), strict=True)),
        ],
    ),
    "candidates": (
        CANDIDATES,
        [
            {"sequence_id": sequence, "draw": draw, "candidates": items, "hash": f"{sequence}-{draw}"}
            for sequence, items in ((1, [3, 0, 2]), (2, [4, 3, 0]))
            for draw in range(2)
        ],
    ),
}
SCORES = {"1-0": [0.1, 0.3, 0.2], "1-1": [0.0, 0.0, 0.0], "2-0": [0.2, 0.9, 0.2], "2-1": [0.0, 0.0, 0.0]}


def ranking() -> pa.Table:
    rows = [
        {
            "sequence_id": row["sequence_id"],
            "split": "val",
            "user_id": 0,
            "draw": row["draw"],
            "method": "sasrec",
            "candidates_hash": row["hash"],
            "history": [0],
            "target": 0,
            "candidates": row["candidates"],
            "scores": SCORES[str(row["hash"])],
            "text": None,
            "choice": 0,
        }
        for row in TABLES["candidates"][1]
    ]
    return pa.Table.from_pylist(rows, schema=PREDICTIONS)


class Rule:
    """The rule `ask_chat_model`, with a folder for all its inputs and outputs."""

    def __init__(self, repository: Path, folder: Path, server: ChatServer) -> None:
        self._script = repository / "workflow_scripts" / "ask_chat_model.py"
        self.folder, self._server = folder, server
        self.predictions = folder / "predictions.parquet"
        for name, (schema, rows) in TABLES.items():
            write_table(pa.Table.from_pylist(rows, schema=schema), folder / f"{name}.parquet")
        write_table(ranking(), folder / "ranking.parquet")

    def run(self, method: str = "gpt4", **chat: object) -> None:
        config = ChatSection(requests_per_minute=60_000.0, **chat).plain()  # type: ignore[arg-type]
        names = [*TABLES, *(["ranking"] if method == "chatrec" else [])]
        params = {
            "method": method,
            "wording": asdict(DATASETS["movielens"].wording),
            "address": self._server.root,
            "chat": config,
            "store": str(self.folder / "chat" / "answers.sqlite"),
        }
        rule = SimpleNamespace(
            rule="ask_chat_model",
            input=InputFiles(fromdict={name: str(self.folder / f"{name}.parquet") for name in names}),
            output=OutputFiles(fromdict={"predictions": str(self.predictions)}),
            wildcards=Wildcards(fromdict={"dataset": "movielens"}),
            params=Params(fromdict=params),
            log=[str(self.folder / "log.txt")],
        )
        runpy.run_path(str(self._script), init_globals={"snakemake": rule})

    def costs(self) -> dict[str, int]:
        record = json.loads((self.folder / "predictions.parquet.provenance.json").read_text(encoding="utf-8"))
        costs: dict[str, int] = record["details"]["costs"]
        return costs

    def log(self) -> str:
        return (self.folder / "log.txt").read_text(encoding="utf-8")


@pytest.fixture
def rule(repository: Path, tmp_path: Path, server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> Rule:
    monkeypatch.setenv("CHAT_API_KEY", KEY)
    return Rule(repository, tmp_path, server)


def test_predictions_of_the_first_draws(rule: Rule, server: ChatServer) -> None:
    rule.run()
    predictions = read_table(rule.predictions, PREDICTIONS)
    check_predictions(predictions, "gpt4")
    assert predictions["candidates_hash"].to_pylist() == ["1-0", "2-0"]
    assert predictions["method"].to_pylist() == ["gpt4"] * 2
    assert predictions["history"].to_pylist() == [[4, 1], [2, 5]]
    assert predictions["text"].to_pylist() == ["Alien", "Alien"]
    assert predictions["choice"].to_pylist() == [0, 0]
    assert predictions["scores"].null_count == 2
    first, second = sorted(server.requests)
    assert "Casino\nFargo\n\nCandidates:\nEmma\nDune\nAlien\n\nWhich" in first
    assert "Emma\nBrazil\n\nCandidates:\nDune\nAlien\nCasino\n\nWhich" in second
    rule.run(draws=2)
    assert read_table(rule.predictions, PREDICTIONS)["draw"].to_pylist() == [0, 1, 0, 1]


def test_chatrec_shows_the_candidates_as_they_are_ranked(rule: Rule, server: ChatServer) -> None:
    rule.run("chatrec", draws=2)
    shown = [conversation.split("most suitable first:\n")[1].split("\nWhich")[0] for conversation in server.requests]
    by_score, of_equal_scores = (
        ["Alien\nCasino\nDune", "Dune\nEmma\nAlien"],
        ["Dune\nAlien\nCasino", "Emma\nDune\nAlien"],
    )
    assert sorted(shown) == sorted(by_score + of_equal_scores)
    check_predictions(read_table(rule.predictions, PREDICTIONS), "chatrec")


def test_another_run_costs_nothing(rule: Rule, server: ChatServer) -> None:
    rule.run()
    first = rule.predictions.read_bytes()
    rule.run()
    assert sum(server.requests.values()) == 2
    assert rule.predictions.read_bytes() == first
    assert "2 answers were kept before, 0 requests sent, failed: none" in rule.log()


def test_each_method_is_told_its_own_costs(rule: Rule, server: ChatServer) -> None:
    server.plan = lambda conversation: ["timeout"] if "Casino" in conversation else []
    rule.run(timeout_seconds=2.0)
    first, billed = rule.costs(), server.bill
    assert first["requests"] == 2 and first["paid"] < billed <= first["paid"] + first["unsure"]
    server.plan = lambda conversation: []
    rule.run("chatrec", draws=2)
    second = rule.costs()
    assert second["requests"] == 4 and second["unsure"] == 0 and second["paid"] == server.bill - billed
    rule.run()  # sends no request, and reports the same
    assert rule.costs() == first


@pytest.mark.parametrize("kind", [kind for kind in ANSWERS if kind != "right"])
def test_an_answer_that_is_none_is_invalid_and_counted(rule: Rule, server: ChatServer, kind: str) -> None:
    server.kind = lambda conversation: kind
    rule.run()
    predictions = read_table(rule.predictions, PREDICTIONS)
    check_predictions(predictions, "gpt4")
    assert predictions.num_rows == predictions["choice"].null_count == 2
    assert categorise_answers(predictions, TITLES) == [AnswerCategory.UNRECOGNISED] * 2
    assert "0 name a candidate" in rule.log()


def test_without_a_key_the_script_says_what_to_do(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHAT_API_KEY")
    with pytest.raises(ChatError, match="CHAT_API_KEY contains no key. Set it and run again"):
        rule.run()


def test_a_server_of_ones_own_needs_no_key(rule: Rule, server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHAT_API_KEY")
    rule.run(key_variable=None)
    assert server.keys == {"Bearer none"}


@pytest.fixture
def every_detail_logged() -> Iterator[None]:
    """Enable all logging of the client and its dependencies."""
    libraries = [logging.getLogger(name) for name in ("openai", "httpx2", "httpcore2")]
    for library in libraries:
        library.setLevel(logging.DEBUG)
    yield
    for library in libraries:
        library.setLevel(logging.NOTSET)


def leaves_no_key(rule: Rule, capfd: pytest.CaptureFixture[str]) -> None:
    files = [path for path in rule.folder.rglob("*") if path.is_file()]
    assert {"log.txt", "answers.sqlite"} <= {path.name for path in files}
    for path in files:
        # Text within Parquet files is compressed.
        content = str(read_table(path).to_pylist()).encode() if path.suffix == ".parquet" else path.read_bytes()
        assert KEY.encode() not in content, path
        assert b"NeverToBeSeen" not in content, path
    printed = "".join(capfd.readouterr())
    assert "NeverToBeSeen" not in printed


@pytest.mark.usefixtures("every_detail_logged")
def test_the_key_is_in_nothing_that_is_left(
    rule: Rule, server: ChatServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(ANSWERS["right"]["message"], "content", f"You sent {KEY}\nAlien")
    rule.run()
    assert "DEBUG" in rule.log() and "POST" in rule.log()
    assert server.keys == {f"Bearer {KEY}"}
    assert read_table(rule.predictions, PREDICTIONS)["text"].to_pylist() == ["You sent [key]\nAlien"] * 2
    assert (rule.folder / "predictions.parquet.provenance.json").is_file()
    leaves_no_key(rule, capfd)


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
def test_the_key_is_in_no_error(rule: Rule, server: ChatServer, capfd: pytest.CaptureFixture[str], status: int) -> None:
    server.error = (status, f'{{"error": {{"message": "Incorrect API key provided: {KEY}"}}}}')
    with pytest.raises(ChatError) as caught:
        rule.run(attempts=1)
    error: BaseException | None = caught.value
    assert "NeverToBeSeen" not in "".join(traceback.format_exception(error, chain=True))
    while error is not None:
        assert "NeverToBeSeen" not in f"{error!r} {vars(error)}"
        assert error.__suppress_context__ or error.__context__ is None
        error = error.__cause__
    assert f"HTTP {status}" in str(caught.value)
    leaves_no_key(rule, capfd)


def test_a_key_that_cannot_be_sent_is_not_shown(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_API_KEY", "sk-NeverToBe\nSeen")
    with pytest.raises(ChatError, match="characters that are not allowed in a header") as caught:
        rule.run()
    assert "NeverToBe" not in "".join(traceback.format_exception(caught.value))

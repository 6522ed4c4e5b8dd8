"""Costs of chat models in the report."""

import json
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.iocontainers import InputFiles, Params, Wildcards

from ilora.layout import Run
from ilora.reporting.chat_costs import ChatCost, chat_cost_table, read_chat_cost

COSTS = {"requests": 94, "prompt_tokens": 30_500, "answer_tokens": 700, "paid": 83_250_000_000, "unsure": 0}
GPT4 = Run("movielens", "random_users", "gpt4", "gpt-4o")
CHATREC = Run("movielens", "random_users", "chatrec", "gpt-4o", seed=1)


def answered(folder: Path, run: Run, details: dict[str, Any]) -> Path:
    """Write the record of a method's answers, and return the path of its predictions."""
    seed = "" if run.method == "gpt4" else f"seed~{run.seed}/"
    place = f"llm/{run.dataset}/{run.protocol}/{run.backbone}/{run.method}/{run.variant}/{seed}predictions.parquet"
    path = folder / place
    path.parent.mkdir(parents=True)
    record = {"config": {"chat": {"key_variable": "CHAT_API_KEY"}}, "details": details}
    path.with_name(f"{path.name}.provenance.json").write_text(json.dumps(record))
    return path


def rows_of(page: str) -> list[list[str]]:
    lines = [line for line in page.splitlines() if line.startswith("<tr><td>")]
    return [line.removeprefix("<tr><td>").removesuffix("</td></tr>").split("</td><td>") for line in lines]


def test_costs_are_read_from_the_record(tmp_path: Path) -> None:
    path = answered(tmp_path, CHATREC, {"costs": COSTS})
    assert read_chat_cost(path) == ChatCost(CHATREC, **COSTS)


def test_a_record_without_costs_says_what_to_do(tmp_path: Path) -> None:
    path = answered(tmp_path, GPT4, {"spent": "1 USD"})
    with pytest.raises(ValueError, match="found no costs. Delete .*predictions.parquet and run"):
        read_chat_cost(path)


def test_methods_are_summed_and_those_without_a_key_say_so() -> None:
    lost = ChatCost(CHATREC, 10, 5_000, 60, 13_100_000_000, 250_000_000)
    steam = Run("steam", "random_users", "gpt4", "gpt-4o")
    assert rows_of(chat_cost_table([ChatCost(GPT4, **COSTS), lost], [steam])) == [
        ["Chat LLM on MovieLens", "gpt-4o", "94", "30,500", "700", "0.083250 USD", "0.000000 USD"],
        ["ChatRec on MovieLens", "gpt-4o", "10", "5,000", "60", "0.013100 USD", "0.000250 USD"],
        ["Chat LLM on Steam", "gpt-4o", "not run: no key", "–", "–", "–", "–"],
        ["all", "", "104", "35,500", "760", "0.096350 USD", "0.000250 USD"],
    ]


@pytest.fixture
def page_of(repository: Path, tmp_path: Path) -> Any:
    def run(chat: list[str], without_key: list[tuple[str, ...]]) -> str:
        html = tmp_path / "costs.html"
        rule = SimpleNamespace(
            rule="collect_costs",
            input=InputFiles(),
            wildcards=Wildcards(),
            params=Params(fromdict={"jobs": [], "chat": chat, "without_key": without_key}),
            output=SimpleNamespace(html=str(html)),
            log=[str(tmp_path / "log.txt")],
        )
        runpy.run_path(str(repository / "workflow_scripts/collect_costs.py"), init_globals={"snakemake": rule})
        return html.read_text(encoding="utf-8")

    return run


def test_the_page_of_costs(page_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_API_KEY", "sk-NeverToBeSeen")
    assert "Chat models" not in page_of([], [])
    page = page_of(
        [str(answered(tmp_path, GPT4, {"costs": COSTS}))], [("movielens", "random_users", "chatrec", "gpt-4o")]
    )
    assert "<h2>Chat models</h2>" in page and "ledger" not in page
    chat = rows_of(page.split("<h2>Chat models</h2>")[1])
    assert [row[:3] for row in chat] == [
        ["Chat LLM on MovieLens", "gpt-4o", "94"],
        ["ChatRec on MovieLens", "gpt-4o", "not run: no key"],
        ["all", "", "94"],
    ]
    assert "NeverToBeSeen" not in page and "CHAT_API_KEY" not in page

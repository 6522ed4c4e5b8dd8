"""What was tuned can be asked; by the command itself in the tests of other backbones."""

from __future__ import annotations

import pytest

from checkout import Checkout
from ilora import predict

PLACE = "movielens/random_users"


def ask(method: str, *arguments: str) -> None:
    """Ask an adapter of the smoke study, in whose copy this process works."""
    predict.main([f"results/smoke/finetune/{PLACE}/embedded/{method}/default/seed~1/adapter", *arguments])


@pytest.fixture(autouse=True)
def in_the_copy(finished: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished.folder)


@pytest.mark.parametrize("method", ["llara", "ilora"])
def test_an_adapter_answers_for_a_history(finished: Checkout, capsys: pytest.CaptureFixture[str], method: str) -> None:
    unique = finished.unique_titles(PLACE)
    ask(method, "--history", *unique[:3], "--candidates", *unique[3:6])
    answer = capsys.readouterr().out
    assert answer.startswith("Answer: ")
    assert all(f"  {title}\n" in answer for title in unique[3:6])
    assert ("Weights of the experts: " in answer) == (method == "ilora")
    ask(method, "--history", *unique[:3])
    proposed = capsys.readouterr().out
    assert proposed.startswith("Answer: ") and not any(f"  {title}\n" in proposed for title in unique[:3])


def test_a_title_that_no_item_has_is_refused() -> None:
    with pytest.raises(SystemExit, match="^ilora predict: 'No such film': no item has this title"):
        ask("llara", "--history", "No such film")

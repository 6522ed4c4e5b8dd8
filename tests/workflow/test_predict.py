"""Tuned adapters can be queried on the command line."""

from __future__ import annotations

import subprocess

import pytest

from checkout import Checkout

PLACE = "movielens/random_users"


def ask(finished: Checkout, method: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command on an adapter of the smoke study."""
    return finished.ask(f"results/smoke/finetune/{PLACE}/embedded/{method}/default/seed~1/adapter", *arguments)


@pytest.mark.parametrize("method", ["llara", "ilora"])
def test_an_adapter_answers_for_a_history(finished: Checkout, method: str) -> None:
    unique = finished.unique_titles(PLACE)
    asked = ask(finished, method, "--history", *unique[:3], "--candidates", *unique[3:6])
    assert asked.returncode == 0, asked.stderr
    answer = asked.stdout.splitlines()[0].removeprefix("Answer: ")
    assert answer in unique[3:6]
    assert "Failed to load" not in asked.stderr and "%|" not in asked.stderr
    assert "Free text: " not in asked.stdout
    assert all(f"  {title}\n" in asked.stdout for title in unique[3:6])
    assert ("Expert weights: " in asked.stdout) == (method == "ilora")
    proposed = ask(finished, method, "--history", *unique[:3], "--free-text")
    assert proposed.returncode == 0, proposed.stderr
    assert proposed.stdout.splitlines()[1].startswith("Free text: ")
    assert not any(f"  {title}\n" in proposed.stdout for title in unique[:3])


def test_a_title_that_no_item_has_is_refused(finished: Checkout) -> None:
    asked = ask(finished, "llara", "--history", "No such film")
    assert asked.returncode == 1
    assert asked.stderr.splitlines()[-1].startswith("ilora predict: 'No such film': no item has this title")

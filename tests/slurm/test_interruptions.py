"""A fine-tuning that Slurm stops repeatedly resumes each time, and ends with the same bytes."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from checkout import SMOKE, Checkout
from one_node_slurm import OneNodeSlurm
from slurm_checkout import SlurmCheckout, wait_until

pytestmark = pytest.mark.timeout(2400)

TUNED = "finetune/movielens/random_users/embedded/ilora/default/seed~1"
TARGET = f"results/smoke/{TUNED}/training_log.parquet"
LOG = "logs/fine_tune_gated/movielens/random_users/embedded/ilora/default/seed~1.log"
INTERRUPTIONS = 3


def with_a_long_training(finished: Checkout, folder: Path) -> Checkout:
    """Return a copy of the finished study without its fine-tuning, which takes a minute or two."""
    copy = Checkout.like(finished, folder)
    study = copy.folder / "studies" / "smoke.yaml"
    text = study.read_text(encoding="utf-8")
    # No checkpoint is kept except that of an interruption.
    longer = text.replace("  steps: 6\n", "  steps: 4000\n  log_every: 1\n  checkpoint_every: 100000\n")
    assert longer != text
    study.write_text(longer, encoding="utf-8")
    shutil.rmtree(copy.results / TUNED)
    (copy.results / LOG).unlink()
    return copy


def has_ended(slurm: OneNodeSlurm, number: str) -> bool:
    return all(job.number != number for job in slurm.jobs(("RUNNING",)))


@pytest.fixture
def long_training(slurm: OneNodeSlurm, finished: Checkout, tmp_path: Path) -> Iterator[SlurmCheckout]:
    place = SlurmCheckout(slurm, with_a_long_training(finished, tmp_path / "checkout"))
    place.look_every_second()
    yield place
    place.stop()


def test_a_training_that_is_told_to_stop_goes_on_at_the_next_attempt(
    long_training: SlurmCheckout, finished: Checkout, tmp_path: Path
) -> None:
    undisturbed = with_a_long_training(finished, tmp_path / "undisturbed")
    process = undisturbed.snakemake("--cores", "1", *SMOKE, "--", TARGET)
    assert process.returncode == 0, process.stdout

    seed = int(os.environ.get("FAULT_SEED", random.SystemRandom().randrange(10**6)))
    random_numbers = random.Random(seed)
    run = long_training.start("--", TARGET)
    slurm, log = long_training.slurm, long_training.checkout.results / LOG
    stopped_at = []
    for interruption in range(INTERRUPTIONS):
        began = wait_until(lambda: len(slurm.jobs(("RUNNING",))) == 1, 600)
        assert began, run.output
        (job,) = slurm.jobs(("RUNNING",))
        # It has started when its progress is logged, every ten seconds.
        assert wait_until(lambda: log.is_file() and "loss=" in log.read_text(encoding="utf-8"), 600), run.output
        time.sleep(random_numbers.uniform(0, 2))
        slurm.command("scancel", "--signal=TERM", job.number)
        assert wait_until(partial(has_ended, slurm, job.number), 300), run.output
        told = log.read_text(encoding="utf-8")
        assert "stopped by a signal after step" in told, told
        stopped_at.append(int(told.rsplit("after step ", 1)[1].split()[0]))
        log.unlink()
        assert run.process.poll() is None, (interruption, run.output)
    assert run.wait() == 0, run.output
    print(f"seed {seed}: stopped after steps {stopped_at} of 4000")
    assert stopped_at == sorted(set(stopped_at)) and stopped_at[-1] < 4000
    assert f"checkpoint-{stopped_at[-1]}" in log.read_text(encoding="utf-8")

    for path in sorted((undisturbed.results / TUNED).rglob("*")):
        if path.is_file() and path.suffix != ".md" and "provenance" not in path.name:
            found = long_training.checkout.results / TUNED / path.relative_to(undisturbed.results / TUNED)
            assert found.read_bytes() == path.read_bytes(), path

"""The smoke study with the Slurm profile, after setting the partition's name: the same bytes as without Slurm."""

from __future__ import annotations

import pytest

from checkout import Checkout
from slurm_checkout import SlurmCheckout

pytestmark = pytest.mark.timeout(1800)


def test_the_smoke_study_has_the_same_bytes_as_a_local_run(on_slurm: SlurmCheckout, finished: Checkout) -> None:
    run = on_slurm.start()
    assert run.wait() == 0, run.output
    assert on_slurm.differences(finished) == []
    paths = set(finished.hashes())
    assert any(path.endswith("adapter/adapter_model.safetensors") for path in paths)
    assert {"data/movielens/random_users/candidates.parquet", "tables/metrics.parquet"} <= paths

    jobs = [job for job in on_slurm.slurm.jobs() if job.name == run.run_id]
    assert {job.state for job in jobs} == {"COMPLETED"}
    submitted = sorted(job.rule for job in jobs)
    # Jobs of a second ran locally with Snakemake; no job was submitted twice.
    quick = ("draw_", "make_t", "make_d", "make_e", "write_", "describe_", "compute_m")
    assert [name for name in submitted if name.startswith(quick)] == ["draw_candidates"]
    assert len(submitted) == 20 and len({job.comment for job in jobs}) == 20, submitted
    print(f"{len(submitted)} jobs on Slurm, {run.finished_jobs.total() - len(submitted)} beside Snakemake")
    assert not list((on_slurm.checkout.folder / ".snakemake" / "slurm_runs").iterdir())


def test_a_second_run_has_nothing_to_do(on_slurm: SlurmCheckout, finished: Checkout) -> None:
    there = SlurmCheckout(on_slurm.slurm, Checkout.like(finished, on_slurm.checkout.folder.with_name("second")))
    run = there.start()
    assert run.wait() == 0 and "Nothing to be done" in run.output

"""Time and memory of jobs."""

from pathlib import Path

import pytest

from ilora.reporting.costs import JobCost, cost_table, gpus_of, read_job_cost

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def test_a_benchmark_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "job.tsv"
    path.write_text(HEADER + "7325.1400\t2:02:05\t512.50\t1\t1\t1\t0\t0\t98.5\t7000.25\n")
    assert read_job_cost("fine_tune", 2, path) == JobCost("fine_tune", 2, 7325.14, 7000.25, 512.5)


def test_what_was_over_at_once_or_not_measured_is_no_number(tmp_path: Path) -> None:
    path = tmp_path / "job.tsv"
    path.write_text(HEADER + "0.02\t0:00:00\t-\t-\t-\t-\t-\t-\t0.00\tNA\n")
    assert read_job_cost("plot", 0, path) == JobCost("plot", 0, 0.02, None, None)
    assert read_job_cost("plot", 0, tmp_path / "absent.tsv") == JobCost("plot", 0)


@pytest.mark.parametrize("content", ["", HEADER, "seconds\n1\n"])
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "job.tsv").write_text(content)
    with pytest.raises(ValueError, match=r"job\.tsv: expected a row of measurements"):
        read_job_cost("plot", 0, tmp_path / "job.tsv")


@pytest.mark.parametrize(
    ("resources", "gpus"),
    [
        ({}, 0),
        ({"gpu": 0, "slurm_extra": "--tmp=5G"}, 0),
        ({"gpu": 2, "nodes": 1}, 2),
        ({"gpu": 2, "gres": "gpu:2"}, 2),
        ({"gpu": 0, "gres": "gpu"}, 1),
        ({"gpu": 0, "gres": "gpu:a100"}, 1),
        ({"gpu": 0, "gres": "gpu:a100:2"}, 2),
        ({"gres": "gpu:2", "nodes": 3, "tasks": 6}, 6),
        ({"gres": "lustre:4"}, 0),
        ({"gpu": 0, "slurm_extra": "--tmp=5G --gpus-per-node=a100-sxm4-80gb:2"}, 2),
    ],
)
def test_gpus_are_counted_however_slurm_is_asked_for_them(resources: dict[str, object], gpus: int) -> None:
    assert gpus_of(resources) == gpus


def test_rules_are_summed_and_their_largest_job_shown() -> None:
    jobs = [
        JobCost("fine_tune", 1, 3600.0, 7000.0, 2000.0),
        JobCost("fine_tune", 1, 1800.0, 3000.0, 3000.4),
        JobCost("plot", 0, 2.5, None, None),
        JobCost("plot", 0),
    ]
    rows = [line.removeprefix("<tr><td>").removesuffix("</td></tr>").split("</td><td>") for line in _body(jobs)]
    assert rows == [
        ["fine_tune", "2", "1:30:00 h", "1:00:00 h", "2:46:40 h", "3,000 MB", "1.50"],
        ["plot", "2 (1 not measured)", "2.5 s", "2.5 s", "–", "–", "–"],
        ["all", "4 (1 not measured)", "1:30:02 h", "1:00:00 h", "2:46:40 h", "3,000 MB", "1.50"],
    ]


def _body(jobs: list[JobCost]) -> list[str]:
    return [line for line in cost_table(jobs).splitlines() if line.startswith("<tr><td>")]

"""Full, read-only or inaccessible file systems: a clear error, and the same command resumes when the cause is gone.

Tests with their own file system run in a namespace (`namespaces`); if that is not allowed, the test is skipped with a
message.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from checkout import SMOKE, Checkout
from namespaces import OWN_MOUNTS, isolated

pytestmark = pytest.mark.timeout(900)

#: From raw data to metrics: five quick rules, whose outputs the finished study also has.
METRICS = "baselines/movielens/random_users/popularity/metrics.parquet"
MADE = ("data/movielens/random_users/candidates.parquet", METRICS)
TARGET = ("--cores", "1", *SMOKE, "--", f"results/smoke/{METRICS}")
RUN_STUDY = (sys.executable, "workflow_scripts/run_study.py")
RESULTS_ELSEWHERE = "meine Ergebnisse ё"


def assert_right(checkout: Checkout, finished: Checkout) -> None:
    """Compare the results with the finished study byte for byte, and check for partial files."""
    expected, found = finished.hashes(), checkout.hashes()
    assert set(MADE) <= set(found)
    assert [path for path in found if found[path] != expected[path]] == []
    assert [path for path in checkout.results.rglob("*") if ".partial" in path.name] == []


def run_script(checkout: Checkout, script: str) -> str:
    """Run a shell script in the checkout, with its own file system; SNAKEMAKE makes the test's targets."""
    snakemake = f"'{sys.executable}' -m snakemake {' '.join(TARGET)}"
    process = subprocess.run(
        isolated(["sh", "-c", f"set -eu\nSNAKEMAKE() {{ {snakemake} 2>&1; }}\n{script}"], OWN_MOUNTS),
        cwd=checkout.folder,
        env=checkout.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def test_a_full_disk(checkout: Checkout, finished: Checkout) -> None:
    """Real test: the results are on a disk of 48 kB, which then grows."""
    output = run_script(
        checkout,
        """
        mkdir -p results kept
        mount -t tmpfs -o size=48k tmpfs results
        if SNAKEMAKE; then echo 'it did not fail'; exit 1; fi
        echo THE DISK GROWS
        mount -o remount,size=64m results
        SNAKEMAKE
        cp -a results/. kept
        """,
    )
    before, _ = output.split("THE DISK GROWS")
    assert "No space left on device" in before
    assert "Free some space on that disk, and run the same command again" in before
    assert "results/smoke/" in before
    shutil.rmtree(checkout.folder / "results")
    (checkout.folder / "kept").rename(checkout.folder / "results")
    assert_right(checkout, finished)


def test_results_that_cannot_be_written_to(checkout: Checkout, finished: Checkout) -> None:
    """Real test: the folder of the results is mounted read-only, and then writable."""
    output = run_script(
        checkout,
        """
        mkdir -p results
        mount --bind results results
        mount -o remount,bind,ro results
        if SNAKEMAKE; then echo 'it did not fail'; exit 1; fi
        echo WRITABLE
        umount results
        SNAKEMAKE
        """,
    )
    before, _ = output.split("WRITABLE")
    assert "Read-only file system" in before and "results/smoke" in before
    assert_right(checkout, finished)


@pytest.mark.parametrize(
    ("closed", "says"),
    [
        ("tests/workflow/small_movielens/u.data", "Ask its owner for permission (chmod), or set another path"),
        ("results", "Permission denied"),
    ],
)
def test_a_missing_permission(checkout: Checkout, finished: Checkout, closed: str, says: str) -> None:
    path = checkout.folder / closed
    if not path.exists():
        path.mkdir()
    before = stat.S_IMODE(path.stat().st_mode)
    path.chmod(0o500 if path.is_dir() else 0)
    process = run_unprivileged(checkout)
    assert process.returncode != 0
    assert "Permission denied" in process.stdout and closed in process.stdout and says in process.stdout
    path.chmod(before)
    process = run_unprivileged(checkout)
    assert process.returncode == 0, process.stdout
    assert_right(checkout, finished)


def run_unprivileged(checkout: Checkout) -> subprocess.CompletedProcess[str]:
    """Run Snakemake as a user who is subject to permissions: root without its capabilities, or any other user."""
    dropped = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []
    return checkout.run([*dropped, sys.executable, "-m", "snakemake", *TARGET])


def test_a_read_only_checkout_with_results_and_temporary_files_elsewhere(
    repository: Path, finished: Checkout, tmp_path: Path
) -> None:
    """Real test, with spaces and non-Latin letters in every path, and a /tmp that must stay empty."""
    interpreter = Path(sys.prefix).resolve() / "bin" / "python"
    if interpreter.is_relative_to("/tmp"):
        pytest.skip("not run: the interpreter itself lies in /tmp")
    checkout = Checkout(repository, tmp_path / "die Prüfung 模型" / "checkout")
    overlay = checkout.folder / "studies" / "elsewhere.yaml"
    overlay.write_text(f"results: /mnt/work/{RESULTS_ELSEWHERE}\nmethods: [popularity, llara]\n", encoding="utf-8")
    data = checkout.folder / "meine Daten ж"
    shutil.move(checkout.folder / "tests/workflow/small_movielens", data)
    (checkout.folder / "studies" / "data.yaml").write_text(
        f"data: {{sources: {{movielens: '/mnt/die Prüfung 模型/checkout/{data.name}'}}}}\n", encoding="utf-8"
    )
    (tmp_path / "work" / "temporary files").mkdir(parents=True)
    script = f"""
        set -eu
        mount --bind '{tmp_path}' /mnt
        mount -t tmpfs tmpfs /tmp
        cd '/mnt/die Prüfung 模型'
        mount --bind checkout checkout
        mount -o remount,bind,ro checkout
        if touch checkout/written 2>/dev/null; then echo 'the checkout can be written to'; exit 1; fi
        cd /mnt/work
        export TMPDIR='/mnt/work/temporary files' HOME=/mnt/work
        here='/mnt/die Prüfung 模型/checkout'
        studies="$here/studies"
        '{interpreter}' -m snakemake --cores all --snakefile "$here/Snakefile" \\
            --configfile "$studies/smoke.yaml" "$studies/elsewhere.yaml" "$studies/data.yaml" -- predictions 2>&1
        echo LEFT IN /tmp: $(ls -A /tmp)
        echo LEFT HERE: $(ls)
        """
    process = subprocess.run(
        isolated(["sh", "-c", script], OWN_MOUNTS),
        env=checkout.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    left = [line for line in process.stdout.splitlines() if line.startswith("LEFT")]
    assert left == ["LEFT IN /tmp:", f"LEFT HERE: {RESULTS_ELSEWHERE} temporary files"]
    results = tmp_path / "work" / RESULTS_ELSEWHERE
    made = [path.relative_to(results).as_posix() for path in results.rglob("predictions.parquet")]
    assert len(made) == 3  # the guide's too
    expected = finished.hashes()
    copy = Elsewhere(results)
    assert [path for path, digest in copy.hashes().items() if digest != expected[path]] == []


class Elsewhere(Checkout):
    """Results in another location."""

    def __init__(self, results: Path) -> None:
        self._results = results

    @property
    def results(self) -> Path:
        return self._results


def test_a_python_in_a_path_with_a_space_is_refused_by_name(checkout: Checkout, tmp_path: Path) -> None:
    """Snakemake could not start any script with it, and would only report a status."""
    place = tmp_path / "with space"
    place.mkdir()
    (place / "venv").symlink_to(sys.prefix)
    python = place / "venv" / "bin" / "python"
    process = checkout.run([python, "-m", "snakemake", "--dry-run", *SMOKE])
    assert process.returncode != 0
    assert f"{python}: found a space in the path of Python" in process.stdout


def test_two_runs_in_one_folder(checkout: Checkout, finished: Checkout) -> None:
    """Snakemake and `run_study.py` tell the second run about the first; a stopped run resumes."""
    first = subprocess.Popen(
        [*RUN_STUDY, "--cores", "1", *SMOKE],
        cwd=checkout.folder,
        env=checkout.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not list(checkout.results.glob("logs/*/movielens/*.log")):
            assert first.poll() is None
            time.sleep(0.1)
        # Without it, Snakemake may report unfinished files of the first run before it checks the lock.
        second = checkout.snakemake("--rerun-incomplete", *TARGET)
        assert second.returncode != 0
        assert "cannot be locked" in second.stdout and str(checkout.folder) in second.stdout
        other = run_study(checkout)
        assert other.returncode == 1
        assert f"another run is under way in this folder: process {first.pid}" in other.stdout
        assert f"stop it with: kill {first.pid}" in other.stdout
    finally:
        first.terminate()
        first.wait()
    process = run_study(checkout, "--rerun-incomplete")
    assert process.returncode == 0, process.stdout
    made = {path: value for path, value in checkout.hashes().items() if path.startswith(("data/", "baselines/"))}
    assert set(MADE) <= set(made) and made.items() <= finished.hashes().items()


def run_study(checkout: Checkout, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `run_study.py` in the checkout."""
    return checkout.run([*RUN_STUDY, *arguments, *TARGET])

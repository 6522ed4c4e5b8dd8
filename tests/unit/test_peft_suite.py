"""The script that runs PEFT's own tests: unpacking, and classification and counts of outcomes."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from outcomes import Kind, compared, read_outcomes, reasons, table
from sdist import check_digest, files_naming_lora, pinned_digests, pinned_version, unpack_tests


def archive_of(path: Path, members: dict[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as opened:
        for name, text in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            opened.addfile(member, io.BytesIO(text.encode()))
    return path


def report(test: str, when: str = "call", **fields: Any) -> dict[str, Any]:
    return {"test": test, "when": when, "outcome": "passed", "seconds": 0.5, **fields}


def finished(test: str, made: bool = True) -> dict[str, Any]:
    return report(test, "teardown", made=made)


def written(path: Path, *reports: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(fields) + "\n" for fields in reports), encoding="utf-8")
    return path


def stop(error: str, message: str, **fields: Any) -> dict[str, Any]:
    return {"error": error, "message": message, "file": "adapters/model.py", "line": 7, **fields}


def test_the_version_and_its_digests_are_the_pinned_ones(tmp_path: Path) -> None:
    first, second = "0" * 64, "f" * 64
    path = tmp_path / "requirements.txt"
    path.write_text(
        f"a==1 \\\n    --hash=sha256:{'1' * 64}\npeft==0.9.1 \\\n    --hash=sha256:{first} \\\n"
        f"    --hash=sha256:{second}\npillow==13 \\\n    --hash=sha256:{'2' * 64}\n"
    )
    assert pinned_version(path) == "0.9.1"
    assert pinned_digests(path) == {first, second}
    assert pinned_version() and len(pinned_digests()) == 2


def test_an_archive_that_is_not_pinned_is_refused(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "peft-1.tar.gz", {"peft-1/tests/test_a.py": ""})
    with pytest.raises(ValueError, match="expected one of peft's in requirements.txt"):
        check_digest(archive, {"0" * 64})


def test_only_the_python_files_of_the_tests_are_unpacked(tmp_path: Path) -> None:
    archive = archive_of(
        tmp_path / "peft-1.tar.gz",
        {
            "peft-1/tests/test_a.py": "LoraConfig",
            "peft-1/tests/helpers.py": "",
            "peft-1/tests/../../outside.py": "",
            "peft-1/tests/deeper/test_b.py": "",
            "peft-1/setup.py": "",
            "/peft-1/tests/test_c.py": "",
        },
    )
    folder = unpack_tests(archive, tmp_path / "cache")
    unpacked = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.py")}
    assert unpacked == {f"cache/tests/{name}.py" for name in ("__init__", "helpers", "test_a")}
    assert files_naming_lora(folder) == [folder / "tests" / "test_a.py"]


def test_an_archive_with_a_link_or_without_tests_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="found no tests in it"):
        unpack_tests(archive_of(tmp_path / "empty.tar.gz", {"peft-1/setup.py": ""}), tmp_path / "empty")
    path = tmp_path / "link.tar.gz"
    with tarfile.open(path, "w:gz") as opened:
        link = tarfile.TarInfo("peft-1/tests/test_a.py")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        opened.addfile(link)
    with pytest.raises(ValueError, match="no ordinary file"):
        unpack_tests(path, tmp_path / "link")


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (stop("ValueError", "r: found rank 2", ours=True, by_statement=True), Kind.REFUSED),
        (stop("KeyError", "'default'", ours=True, by_statement=False), Kind.UNNAMED),
        (stop("KeyError", "'ILORA'", ours=False), Kind.UNNAMED),
        (stop("TypeError", "forward() got an unexpected keyword", ours=False, through_ours=True), Kind.UNNAMED),
        (stop("TypeError", "forward() got an unexpected keyword", ours=False, through_ours=False), Kind.FAILED),
        (stop("AssertionError", "", ours=False), Kind.FAILED),
        (stop("OSError", "We couldn't connect to the hub", ours=False), Kind.NOT_HERE),
    ],
)
def test_what_stops_a_test_is_sorted(found: dict[str, Any], kind: Kind, tmp_path: Path) -> None:
    path = written(
        tmp_path / "o", report("tests/test_a.py::t", outcome="failed", stop=found), finished("tests/test_a.py::t")
    )
    (outcome,) = read_outcomes(path).values()
    assert (outcome.file, outcome.kind) == ("test_a.py", kind)


def test_tests_that_never_meet_the_adapter_do_not_count(tmp_path: Path) -> None:
    path = written(
        tmp_path / "o", report("f.py::a"), finished("f.py::a", made=False), report("f.py::b"), finished("f.py::b")
    )
    assert list(read_outcomes(path)) == ["f.py::b"]


def test_what_lora_fails_too_is_set_apart(tmp_path: Path) -> None:
    failing = [report(f"f.py::{name}", outcome="failed", stop=stop("AssertionError", "")) for name in "ab"]
    ours = read_outcomes(written(tmp_path / "ours", *failing, *(finished(f"f.py::{name}") for name in "ab")))
    lora = read_outcomes(written(tmp_path / "lora", failing[0], *(finished(f"f.py::{name}") for name in "ab")))
    assert [one.kind for one in compared(ours, lora)] == [Kind.ALSO_LORA, Kind.FAILED]


def test_outcomes_are_counted_by_file_and_reason(tmp_path: Path) -> None:
    refusals = [
        report(
            f"tests/test_a.py::t[{place}]",
            outcome="failed",
            stop=stop("ValueError", f"layers.{place}.q: found rank 2", ours=True, by_statement=True),
        )
        for place in range(2)
    ]
    ends = [finished(fields["test"]) for fields in refusals]
    found = list(read_outcomes(written(tmp_path / "o", *refusals, *ends)).values())
    assert "| test_a.py | 4 | 0 | 2 | 0 | 0 | 0 | 0 |" in table({4: found})
    assert "| refused by name | 2 | ValueError: LAYER: found rank N | test_a.py: t[0] |" in reasons({4: found})

"""Parsing of the Steam reviews: time against `ast.literal_eval` and `gzip -dc`, and memory against a shorter file.

The dump is synthetic and generated for each run: see `ilora.benchmarks.synthetic_steam`.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from ilora.benchmarks.claims import Claim, compare, compare_times
from ilora.benchmarks.synthetic_steam import write_dump
from ilora.data.gzip_lines import read_line_chunks
from ilora.data.python_literals import parse_lines, read_string_fields
from ilora.datasets.steam import REVIEW_FIELDS, REVIEWS_FILE

REVIEWS = 1_000_000
CHUNKS_IN_MEMORY = 12  # about 50,000 lines

# Not getrusage, which includes the parent process.
_PEAK_MEMORY = """
import re, sys
from pathlib import Path
from ilora.benchmarks.steam import parse_file
parse_file(Path(sys.argv[1]))
print(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def measure(reviews: int = REVIEWS) -> Iterator[Claim]:
    """Measure every claim on parsing, on a dump with this number of reviews (at least 4)."""
    with TemporaryDirectory() as folder:
        whole = _write_reviews(Path(folder, "whole"), reviews)
        quarter = _write_reviews(Path(folder, "quarter"), reviews // 4)
        yield parsing_against_literal_eval(whole)
        yield parsing_against_gzip(whole)
        yield memory_against_quarter(whole, quarter)


def parsing_against_literal_eval(reviews: Path) -> Claim:
    """Time the extraction of fields from about the first 50,000 lines of the file, in memory and on one core.

    The reference calls `ast.literal_eval` line by line and looks up the same fields. It would take half a minute for a
    million lines, so neither side reads more.
    """
    chunks = list(islice(read_line_chunks(reviews), CHUNKS_IN_MEMORY))

    def evaluate() -> None:
        for chunk in chunks:
            for line in chunk.splitlines():
                review = ast.literal_eval(line.decode())
                for field in REVIEW_FIELDS:
                    review.get(field)

    def parse() -> None:
        for chunk in chunks:
            parse_lines(chunk, REVIEW_FIELDS, path=reviews)

    return compare_times("steam_parse_vs_literal_eval", parse, evaluate, target=0.1, repeats=8, warm_up=1)


def parsing_against_gzip(reviews: Path) -> Claim:
    """Time the extraction of fields from all lines, including decompression, against `gzip -dc` of the same file."""

    def decompress() -> None:
        subprocess.run(["gzip", "-dc", reviews], stdout=subprocess.DEVNULL, check=True)

    return compare_times("steam_parse_vs_gzip", lambda: parse_file(reviews), decompress, target=3, repeats=6, warm_up=1)


def memory_against_quarter(reviews: Path, quarter: Path) -> Claim:
    """Compare the peak resident set of a process that parses the file with that for a quarter of the file.

    It is read from /proc on Linux.
    """
    return compare(
        "steam_parse_memory_vs_quarter_of_file",
        _peak_memory(reviews),
        _peak_memory(quarter),
        unit="MB",
        target=1.1,
        repeats=2,
    )


def parse_file(reviews: Path) -> int:
    """Read the fields of every line like the reader of Steam, discard them, and return the number of lines."""
    return sum(batch.num_rows for batch in read_string_fields(reviews, REVIEW_FIELDS))


def _write_reviews(folder: Path, reviews: int) -> Path:
    folder.mkdir()
    # The real dump has three reviews per user, and 500 per game.
    write_dump(folder, reviews=reviews, users=reviews // 3 + 1, games=reviews // 500 + 1)
    return folder / REVIEWS_FILE


def _peak_memory(reviews: Path) -> Callable[[], float]:
    def measure_process() -> float:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", _PEAK_MEMORY, str(reviews)]
        printed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
        return int(printed) * 1024 / 1e6

    return measure_process

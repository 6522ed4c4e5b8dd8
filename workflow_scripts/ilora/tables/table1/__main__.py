"""Print Table 1 on the terminal: `ilora table results/tables/table1.parquet`."""

import argparse
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.cli import example
from ilora.evaluation.schemas import DIFFERENCES
from ilora.layout import REPORT
from ilora.reporting.findings import UNIFORM_LORA, headline
from ilora.tables.table1.formats import to_terminal
from ilora.tables.table1.notes import main_notes
from ilora.tables.table1.rows import TABLE1

#: Characters in a line of notes.
_WIDEST = 116


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table; with the differences also the main notes, the main finding, and what to read next."""
    parser = argparse.ArgumentParser(
        prog="ilora table",
        description=__doc__,
        epilog=example("table"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("table", type=Path, help="table1.parquet")
    parser.add_argument("--differences", type=Path, help="differences.parquet, for notes and findings")
    options = parser.parse_args(arguments)
    table = read_table(options.table, TABLE1)
    print(to_terminal(table))
    if options.differences:
        notes = [*main_notes(table), *_findings(read_table(options.differences, DIFFERENCES))]
        width = min(_WIDEST, shutil.get_terminal_size().columns - 1)
        wrapped = [textwrap.fill(note, width, initial_indent="* ", subsequent_indent="  ") for note in notes]
        print("\n".join(["", *wrapped, "", *_read_next(options.table)]))


def _findings(differences: pa.Table) -> Iterator[str]:
    for row in differences.to_pylist():
        if (row["second"], row["split"]) == (UNIFORM_LORA, "test"):
            interval = f"{row['value']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
            yield f"{headline(row)} The difference in HitRatio@1 is {interval}."


def _read_next(table: Path) -> Iterator[str]:
    """Yield where the rest of the results is, as far as it was made."""
    summary = table.parents[1] / REPORT / "summary.html"
    if summary.is_file():
        yield f"Findings:  {summary}"
    if table.with_suffix(".html").is_file():
        yield f"Table 1:   {table.with_suffix('.html')}, with all notes"
    yield "Next:      make report  (all tables, figures and answers in one HTML file)"


if __name__ == "__main__":
    main()

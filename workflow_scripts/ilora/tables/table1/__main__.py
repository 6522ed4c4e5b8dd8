"""Print Table 1 on the terminal: `python -m ilora.tables.table1 results/tables/table1.parquet`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ilora.artifacts.parquet import read_table
from ilora.evaluation.schemas import DIFFERENCES
from ilora.tables.table1.formats import to_terminal
from ilora.tables.table1.notes import table_notes
from ilora.tables.table1.rows import TABLE1


def main(arguments: Sequence[str] | None = None) -> None:
    """Read Table 1 and, if named, the differences that its notes report, and print both."""
    parser = argparse.ArgumentParser(prog="python -m ilora.tables.table1", description=__doc__)
    parser.add_argument("table", type=Path, help="table1.parquet")
    parser.add_argument("--differences", type=Path, help="differences.parquet, for the notes below the table")
    options = parser.parse_args(arguments)
    table = read_table(options.table, TABLE1)
    print(to_terminal(table))
    if options.differences:
        print()
        for note in table_notes(table, read_table(options.differences, DIFFERENCES)):
            print(f"* {note}")


if __name__ == "__main__":
    main()

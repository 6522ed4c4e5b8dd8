"""The report: one JSON file, and its tables in Markdown."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ilora.artifacts.writing import atomic_path
from ilora.benchmarks.claims import Claim
from ilora.plotting.markdown_table import markdown_table

Row = Mapping[str, str | int | float | None]
"""A row of a table: values by the name of their column, which ends in the unit. None: not measured."""

_CLAIM_HEADER = ("claim", "ours", "reference", "ratio", "95 % interval", "repeats", "target at most")


@dataclass
class Part:
    """The measurements of one part.

    Attributes:
        tables: rows by the title of their table; all rows of a table have the same columns.
        claims: comparisons.
        notes: sentences below the tables.
    """

    tables: dict[str, list[Row]] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def write_report(about: Mapping[str, str | int], parts: Mapping[str, Part], folder: Path) -> None:
    """Write ``scale.json`` and ``scale.md``, each atomically.

    Args:
        about: hardware and sizes.
        parts: measurements by the name of the part.
        folder: where the files go.
    """
    with atomic_path(folder / "scale.json") as temporary:
        plain = {**about, "parts": {name: asdict(part) for name, part in parts.items()}}
        temporary.write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")
    with atomic_path(folder / "scale.md") as temporary:
        temporary.write_text(show_report(about, parts), encoding="utf-8")


def show_report(about: Mapping[str, str | int], parts: Mapping[str, Part]) -> str:
    """Return the report in Markdown."""
    heading = "; ".join(f"{name}: {value}" for name, value in about.items())
    return "\n".join([heading + "\n", *(show_part(part) for part in parts.values())])


def show_part(part: Part) -> str:
    """Return the tables, notes and claims of a part in Markdown."""
    shown = [f"### {title}\n\n{_show_rows(rows)}" for title, rows in part.tables.items()]
    shown += [f"{note}\n" for note in part.notes]
    if part.claims:
        shown.append(markdown_table(_CLAIM_HEADER, map(_claim_cells, part.claims)))
    return "\n".join(shown)


def _show_rows(rows: Sequence[Row]) -> str:
    return markdown_table(list(rows[0]), ([_cell(value) for value in row.values()] for row in rows))


def _claim_cells(claim: Claim) -> Sequence[str]:
    interval = f"[{claim.ratio_low:.3f}, {claim.ratio_high:.3f}]"
    values = [f"{_cell(value)} {claim.unit}" for value in (claim.ours, claim.reference)]
    return (claim.claim, *values, f"{claim.ratio:.3f}", interval, str(claim.repeats), f"{claim.target:g}")


def _cell(value: str | int | float | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if isinstance(value, int) or abs(value) >= 1000 else f"{value:.4g}"

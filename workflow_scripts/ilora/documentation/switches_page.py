"""The page of docs/ on the switches of the released code, from a measured table of sweeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from ilora.artifacts.parquet import read_table
from ilora.evaluation.schemas import SWEEP
from ilora.plotting.markdown_table import markdown_table

_METRIC = "hit_ratio@1"
_INTRODUCTION = """\
# What each switch of the released code does

The released code differs from the paper's text and from this workflow's default in settings that
[Deviations from the paper](deviations.md) lists. `studies/released_switches.yaml` changes them one at a time: iLoRA on
MovieLens and the embedded backbone, on the paper's own users, after 700 steps. It is exploratory: one training for each
setting, intervals over users only, not corrected for the number of comparisons. Two trainings of the same settings can
differ by several points.

HitRatio@1, and the difference between the row's setting and the study's own. A difference in bold has an interval that
excludes 0.

"""
_OUTRO = """
`sequences_per_draw` was varied with the prompt as running text.

Only two switches move HitRatio@1 by more than its interval both on the test users and with the validation users added:
where the projector starts, and how the prompt is worded. This backbone was pretrained with its own projector and on the
default prompt, so both results are about this backbone rather than about Llama-2. Raw item vectors do so on the test
users only. For every other switch, including the gate's network, the interval includes 0.

What only several epochs show is in `studies/released_epochs.yaml`, which has not been run. The page is written from
[measured tables](measured/README.md) (`ilora docs --write`).
"""


def switches_page(table: Path, study: Path) -> str:
    """Return the page.

    Args:
        table: file of the schema `ilora.evaluation.schemas.SWEEP`, of one data set and method.
        study: study whose sweeps were measured, for their titles and order.
    """
    sweeps = yaml.safe_load(study.read_text(encoding="utf-8"))["sweeps"]
    measured = read_table(table, SWEEP).to_pylist()
    cells = {(row["sweep"], row["setting"], row["split"]): row for row in measured if row["metric"] == _METRIC}
    header = ("switch", "setting", "test", "difference", "validation and test", "difference")
    rows = [row for name, sweep in sweeps.items() for row in _rows(name, sweep["title"], cells)]
    return _INTRODUCTION + markdown_table(header, rows) + _OUTRO


def _rows(name: str, title: str, cells: Mapping[tuple[str, str, str], Mapping[str, Any]]) -> Iterator[list[str]]:
    settings = dict.fromkeys(setting for sweep, setting, _ in cells if sweep == name)
    for setting in settings:
        row = cells[name, setting, "test"]
        first = title if row["is_reference"] else ""
        yield [first, f"`{setting}`", *_values(row), *_values(cells[name, setting, "val_test"])]


def _values(row: Mapping[str, Any]) -> list[str]:
    value = f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
    if row["is_reference"]:
        return [value, "the study's own"]
    # The table has the study's own setting minus this one.
    middle, low, high = (0.0 - row[f"difference{end}"] for end in ("", "_high", "_low"))
    difference = f"{middle:+.3f} [{low:+.3f}, {high:+.3f}]"
    return [value, f"**{difference}**" if low > 0 or high < 0 else difference]

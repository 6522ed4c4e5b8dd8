"""Rules contain no logic: the contents of a study are typed Python in the library."""

import re
from pathlib import Path

import pytest

RULES = sorted((Path(__file__).parents[2] / "rules").glob("*.smk"))


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_every_file_but_the_common_one_holds_rules(path: Path) -> None:
    rules = re.findall(r"^ *(?:use )?rule\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert bool(rules) == (path.stem != "common")


def test_rules_hold_no_functions_of_their_own() -> None:
    """Except the one that marks the contents of the report, which only Snakemake can do."""
    found = {
        f"{path.stem}.{name}"
        for path in RULES
        for name in re.findall(r"^ *def (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert found == {"figures.files_of"}


def test_what_all_rules_have_is_named_where_it_differs() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in RULES)
    assert not re.findall(r"^ +(?:log|benchmark):", text, re.MULTILINE)
    assert not re.findall(r"requests\.memory\(2000\)|requests\.minutes\(10\)", text)
    # The rules themselves declare where they run.
    assert not re.findall(r"^localrules:", text, re.MULTILINE)

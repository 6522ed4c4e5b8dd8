"""Outcomes of PEFT's tests: read from the plugin's output, classified, and counted by file and by reason."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class Kind(StrEnum):
    """The possible outcomes of a test with our adapter."""

    PASSED = "passed"
    REFUSED = "refused by name"
    FAILED = "failed"
    UNNAMED = "unnamed error"
    ALSO_LORA = "LoRA fails too"
    NOT_HERE = "cannot run here"


@dataclass(frozen=True)
class Outcome:
    """The outcome of one test.

    Attributes:
        file: file of PEFT's tests.
        test: name with parameters.
        kind: see `Kind`.
        reason: why it did not pass, without the parts that differ between tests; empty if it passed.
        seconds: elapsed time, including fixtures.
    """

    file: str
    test: str
    kind: Kind
    reason: str
    seconds: float


#: Errors that are uninformative unless raised by our own code.
_UNNAMED = ("KeyError", "AttributeError", "TypeError", "IndexError", "StopIteration", "UnboundLocalError", "NameError")
#: Errors for a model that is not among the twins, since the hub is unreachable.
_NOT_FETCHED = re.compile(
    r"couldn't connect to|offline mode|LocalEntryNotFound|Can't find '[^']+' at|Can't load|is not a local folder"
)


def read_outcomes(path: Path) -> dict[str, Outcome]:
    """Return the outcomes, by name, of the tests that used the adapter or were stopped before they could.

    A file that cannot be imported counts as one.
    """
    reports: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = json.loads(line)
        reports[fields["test"]].append(fields)
    outcomes = (_outcome(test, fields) for test, fields in reports.items())
    return {outcome.test: outcome for outcome in outcomes if outcome is not None}


def compared(outcomes: Mapping[str, Outcome], of_lora: Mapping[str, Outcome]) -> list[Outcome]:
    """Separate the tests that also fail with PEFT's own LoRA, because of the twin or the machine."""
    return [
        Outcome(one.file, one.test, Kind.ALSO_LORA, one.reason, one.seconds)
        if one.kind is Kind.FAILED and test in of_lora and of_lora[test].kind is Kind.FAILED
        else one
        for test, one in outcomes.items()
    ]


def table(outcomes: Mapping[int, Iterable[Outcome]]) -> str:
    """Return counts by file and K as a Markdown table.

    Args:
        outcomes: outcomes by K.
    """
    counts: dict[tuple[str, int], Counter[Kind]] = defaultdict(Counter)
    for experts, found in outcomes.items():
        for outcome in found:
            counts[outcome.file, experts][outcome.kind] += 1
            counts["all", experts][outcome.kind] += 1
    lines = ["| File | K | " + " | ".join(Kind) + " |", "| --- | --: |" + " --: |" * len(Kind)]
    for file, experts in sorted(counts, key=lambda key: (key[0] == "all", *key)):
        numbers = " | ".join(str(counts[file, experts][kind]) for kind in Kind)
        lines.append(f"| {file} | {experts} | {numbers} |")
    return "\n".join(lines)


def reasons(outcomes: Mapping[int, Iterable[Outcome]]) -> str:
    """Return the reasons why tests did not pass, most frequent first, each with an example, as a Markdown table."""
    counts: dict[tuple[Kind, str], Counter[int]] = defaultdict(Counter)
    examples: dict[tuple[Kind, str], str] = {}
    for experts, found in outcomes.items():
        for outcome in found:
            if outcome.kind is not Kind.PASSED:
                key: tuple[Kind, str] = (outcome.kind, outcome.reason)
                counts[key][experts] += 1
                examples.setdefault(key, f"{outcome.file}: {outcome.test.rpartition('::')[2]}")
    lines = [
        "| Kind | " + " | ".join(f"K = {experts}" for experts in outcomes) + " | Reason | One of them |",
        "| --- |" + " --: |" * len(outcomes) + " --- | --- |",
    ]
    order = list(Kind)
    for key in sorted(counts, key=lambda key: (order.index(key[0]), -counts[key].total(), key[1])):
        numbers = " | ".join(str(counts[key][experts]) for experts in outcomes)
        cells = (text.replace("|", "\\|") for text in (key[1], examples[key]))
        lines.append(f"| {key[0]} | {numbers} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _outcome(test: str, reports: list[dict[str, Any]]) -> Outcome | None:
    file = test.partition("::")[0].rpartition("/")[2]
    seconds = sum(fields.get("seconds", 0.0) for fields in reports)
    by_stage = {fields["when"]: fields for fields in reports}
    if "collect" in by_stage:
        return Outcome(file, test, Kind.NOT_HERE, f"cannot be imported: {by_stage['collect']['reason']}", seconds)
    skipped = next((fields for fields in reports if fields["outcome"] == "skipped"), None)
    failed = next((fields for fields in reports if fields["outcome"] == "failed"), None)
    kind: Kind = Kind.PASSED
    reason = ""
    if failed is not None:
        kind, reason = _sorted(failed["stop"] or {"error": "?", "message": "", "file": "?"})
    elif skipped is not None:
        kind, reason = Kind.NOT_HERE, _general(skipped["reason"] or "skipped")
    met = bool(by_stage.get("teardown", {}).get("made"))
    return Outcome(file, test, kind, reason, seconds) if met or kind is Kind.NOT_HERE else None


def _sorted(stop: Mapping[str, Any]) -> tuple[Kind, str]:
    error, message = stop["error"], stop["message"]
    reason = f"{error}: {_general(message)}"
    if _NOT_FETCHED.search(message):
        return Kind.NOT_HERE, "needs a model or data of the Hugging Face Hub that has no twin"
    if stop.get("ours") and stop.get("by_statement"):
        return Kind.REFUSED, reason
    if error in _UNNAMED and (stop.get("through_ours") or stop.get("ours") or "ILORA" in message):
        return Kind.UNNAMED, f"{reason} ({stop['file']}:{stop['line']})"
    return Kind.FAILED, f"{reason} ({stop['file']}:{stop.get('line')})"


def _general(message: str) -> str:
    """Remove the parts of a message that differ between tests: names of layers, numbers, paths."""
    general = re.sub(r"^[\w.]+(?=: )", "LAYER", message) if "." in message.partition(": ")[0] else message
    general = re.sub(r"/[\w./-]{8,}", "PATH", general)
    general = re.sub(r"\d+(\.\d+)?(e[+-]\d+)?", "N", general)
    return general[:160]

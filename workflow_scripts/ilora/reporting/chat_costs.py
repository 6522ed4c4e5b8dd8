"""What the chat models of a study cost: requests, tokens and dollars of each method, by the records of its answers."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ilora.baselines.chat.prices import show_usd
from ilora.layout import Run, parse_run
from ilora.plotting.html_page import html_table
from ilora.plotting.labels import backbone_label, dataset_label, method_label

_HEADERS = ("Method", "Model", "Requests", "Prompt tokens", "Answer tokens", "Paid", "At most, for lost answers")
_NOT_RUN = "not run: no key"
_NOTHING = "–"


@dataclass(frozen=True)
class ChatCost:
    """What one method's answers on one data set cost, whenever they were paid for.

    Attributes:
        run: the method, the data set and the chat model.
        requests: whose answers are kept.
        prompt_tokens: of these, as the server counted.
        answer_tokens: likewise.
        paid: for them, picodollars.
        unsure: at most, for attempts at them whose answers never arrived, picodollars.
    """

    run: Run
    requests: int
    prompt_tokens: int
    answer_tokens: int
    paid: int
    unsure: int


def read_chat_cost(predictions: str | os.PathLike[str]) -> ChatCost:
    """Return what a method's answers cost, from the record beside its predictions.

    Args:
        predictions: the table that `ask_chat_model` wrote.

    Raises:
        FileNotFoundError: there is no record.
        ValueError: the record says nothing of costs.
    """
    path = Path(predictions)
    sidecar = path.with_name(f"{path.name}.provenance.json")
    costs = json.loads(sidecar.read_text(encoding="utf-8"))["details"].get("costs")
    if costs is None:
        raise ValueError(
            f"{sidecar}: says nothing of costs. Delete {path} and run the workflow again; answers that are kept are "
            "not paid again."
        )
    return ChatCost(parse_run(path), **costs)


def chat_cost_table(costs: Sequence[ChatCost], not_run: Sequence[Run] = ()) -> str:
    """Return the costs as an HTML table: a row for each method and data set, and their sum.

    Args:
        costs: of what was run.
        not_run: what was not, since there was no key.
    """
    without_numbers = [_NOTHING] * (len(_HEADERS) - 3)
    rows = [
        *((*_names(cost.run), *_numbers([cost])) for cost in costs),
        *((*_names(run), _NOT_RUN, *without_numbers) for run in not_run),
    ]
    return html_table(_HEADERS, [*rows, ("all", "", *_numbers(costs))])


def _names(run: Run) -> tuple[str, str]:
    return f"{method_label(run.method)} on {dataset_label(run.dataset)}", backbone_label(run.backbone)


def _numbers(costs: Sequence[ChatCost]) -> tuple[str, ...]:
    return (
        f"{sum(cost.requests for cost in costs):,}",
        f"{sum(cost.prompt_tokens for cost in costs):,}",
        f"{sum(cost.answer_tokens for cost in costs):,}",
        show_usd(sum(cost.paid for cost in costs)),
        show_usd(sum(cost.unsure for cost in costs)),
    )

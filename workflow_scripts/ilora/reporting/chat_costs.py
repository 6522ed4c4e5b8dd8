"""Costs of a study's chat models: requests, tokens and dollars of each method, by the records of its answers."""

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
    """Cost of one method's answers on one data set, whenever they were paid for.

    Attributes:
        run: method, data set and chat model.
        requests: number of requests with a stored answer.
        prompt_tokens: prompt tokens of these requests, as counted by the server.
        answer_tokens: answer tokens of these requests, as counted by the server.
        paid: picodollars paid for them.
        unsure: upper bound of the picodollars for attempts whose answers never arrived.
    """

    run: Run
    requests: int
    prompt_tokens: int
    answer_tokens: int
    paid: int
    unsure: int


def read_chat_cost(predictions: str | os.PathLike[str]) -> ChatCost:
    """Return the cost of a method's answers, from the record of its predictions.

    Args:
        predictions: path of the table that `ask_chat_model` wrote.

    Raises:
        FileNotFoundError: if there is no record.
        ValueError: if the record has no costs.
    """
    path = Path(predictions)
    sidecar = path.with_name(f"{path.name}.provenance.json")
    costs = json.loads(sidecar.read_text(encoding="utf-8"))["details"].get("costs")
    if costs is None:
        raise ValueError(
            f"{sidecar}: found no costs. Delete {path} and run the workflow again; stored answers are not paid again."
        )
    return ChatCost(parse_run(path), **costs)


def chat_cost_table(costs: Sequence[ChatCost], not_run: Sequence[Run] = ()) -> str:
    """Return the costs as an HTML table: a row for each method and data set, and their sum.

    Args:
        costs: costs of the runs.
        not_run: runs that were skipped because there is no key.
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

"""Query a tuned adapter with one history: ``ilora predict ADAPTER --history TITLE TITLE ...``."""

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from ilora.artifacts.errors import ArtifactError
from ilora.cli import example
from ilora.data.titles import normalise_title
from ilora.llm.inference.tuned_method import Answer, TunedMethod, load_tuned_method
from ilora.terminal import escaped

#: Number of candidates that the sequence encoder proposes if none are given.
PROPOSED = 20


class UnknownTitleError(ValueError):
    """No item, or more than one, has the given title."""


def find_items(named: Sequence[str], titles: Sequence[str]) -> list[int]:
    """Return the item ids of titles, ignoring case and spacing.

    Raises:
        UnknownTitleError: no item has the title (the message lists the closest ones), or several have it.
    """
    known: dict[str, list[int]] = {}
    for item, title in enumerate(titles):
        known.setdefault(normalise_title(title).casefold(), []).append(item)
    items = []
    for title in named:
        found = known.get(normalise_title(title).casefold(), [])
        if not found:
            near = difflib.get_close_matches(normalise_title(title).casefold(), list(known), n=3)
            nearest = "; ".join(titles[known[key][0]] for key in near)
            raise UnknownTitleError(f"{title!r}: no item has this title" + (f"; closest: {nearest}" if near else ""))
        if len(found) > 1:
            raise UnknownTitleError(f"{title!r}: {len(found)} items have this title, expected one")
        items += found
    return items


def propose(method: TunedMethod, history: Sequence[int], representation: torch.Tensor) -> list[int]:
    """Return the items outside the history that the sequence encoder scores highest, in descending order."""
    assert method.item_embeddings is not None
    scores = (representation @ method.item_embeddings.T)[0]
    scores[list(history)] = -torch.inf
    found: list[int] = scores.topk(min(PROPOSED, len(scores) - len(set(history)))).indices.tolist()
    return found


def answer_text(titles: Sequence[str], candidates: Sequence[int], answer: Answer) -> str:
    """Return the text to print: the answer, the candidates by likelihood, and the expert weights."""
    valid = "a candidate" if answer.choice is not None else "not a candidate"
    lines = [f"Answer: {answer.text}  ({valid})", "", "Candidates by the likelihood of their titles:"]
    for place in answer.shares.argsort()[::-1]:
        lines.append(f"  {answer.shares[place]:.3f}  {titles[candidates[place]]}")
    if answer.expert_weights is not None:
        weights = "  ".join(f"{weight:.3f}" for weight in answer.expert_weights)
        lines += ["", f"Expert weights: {weights}"]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the answer; on an error, exit with a one-line message."""
    parser = argparse.ArgumentParser(
        prog="ilora predict",
        description=__doc__.split(":")[0] + ".",
        epilog=example("predict"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("adapter", type=Path, help="folder of a tuned adapter, .../adapter")
    parser.add_argument("--history", nargs="+", required=True, metavar="TITLE", help="titles, oldest first")
    parser.add_argument(
        "--candidates",
        nargs="+",
        metavar="TITLE",
        help=f"titles to choose from; without them, the {PROPOSED} that the sequence encoder scores highest",
    )
    named = parser.parse_args(arguments)
    try:
        method = load_tuned_method(named.adapter)
        history = find_items(named.history, method.titles)
        representation = None
        if method.recommender is not None:
            # RecBole is needed only here, and not for text-only methods.
            from ilora.recommenders.saved_model import encode_history

            representation = encode_history(method.recommender, history)
        if named.candidates:
            candidates = find_items(named.candidates, method.titles)
        elif representation is not None:
            candidates = propose(method, history, representation)
        else:
            parser.error("--candidates: expected titles, because this method has no recommender to propose candidates")
        print(escaped(answer_text(method.titles, candidates, method.ask(history, candidates, representation))))
    except (ArtifactError, FileNotFoundError, ValueError) as error:
        sys.exit(escaped(f"ilora predict: {error}"))


if __name__ == "__main__":
    main()

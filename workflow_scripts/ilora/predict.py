"""Predict the next item for one history with a tuned adapter: ``ilora predict ADAPTER --history TITLE TITLE ...``."""

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
from ilora.predictions.choices import resolve_choice
from ilora.terminal import escaped

#: Number of candidates that the sequence encoder proposes if none are named.
PROPOSED = 20

#: Longer free texts are cut on the screen.
_SHOWN = 100


class UnknownTitleError(ValueError):
    """A title that matches no item, or several."""


def find_items(named: Sequence[str], titles: Sequence[str]) -> list[int]:
    """Return the item ids of titles; case and spacing are ignored.

    Raises:
        UnknownTitleError: if no item has a title (the message names similar ones), or if several have it.
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
            raise UnknownTitleError(
                f"{title!r}: no item has this title" + (f"; similar titles: {nearest}" if near else "")
            )
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


def answer_text(titles: Sequence[str], candidates: Sequence[int], answer: Answer, free_text: str | None = None) -> str:
    """Return what is printed: the most likely candidate, all candidates by likelihood, and the experts' weights.

    Args:
        titles: by item id.
        candidates: item ids.
        answer: likelihoods of the candidates.
        free_text: what the model writes without restriction; None if it was not asked to.
    """
    order = answer.shares.argsort(kind="stable")[::-1]
    lines = [f"Answer: {titles[candidates[order[0]]]}"]
    if free_text is not None:
        choice = resolve_choice(free_text, candidates, titles)
        shown = f"{free_text[:_SHOWN]}…" if len(free_text) > _SHOWN else free_text or "(nothing)"
        lines.append(f"Free text: {shown}" + ("" if choice is not None else "  (not a candidate)"))
    lines += ["", f"{len(candidates)} candidates by the likelihood of their titles:"]
    lines += [f"  {answer.shares[place]:.3f}  {titles[candidates[place]]}" for place in order]
    if answer.expert_weights is not None:
        weights = "  ".join(f"{weight:.3f}" for weight in answer.expert_weights)
        lines += ["", f"Expert weights: {weights}"]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the answer; on a mistake, exit with one line that says what to do."""
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
        help=f"titles to choose from; by default, the {PROPOSED} that the sequence encoder scores highest",
    )
    parser.add_argument(
        "--free-text", action="store_true", help="also show what the model writes if it may write any text"
    )
    named = parser.parse_args(arguments)
    try:
        method = load_tuned_method(named.adapter)
        history = find_items(named.history, method.titles)
        representation = None
        if method.recommender is not None:
            # Imported only here: a method that reads text alone does not need RecBole.
            from ilora.recommenders.saved_model import encode_history

            representation = encode_history(method.recommender, history)
        if named.candidates:
            candidates = find_items(named.candidates, method.titles)
        elif representation is not None:
            candidates = propose(method, history, representation)
        else:
            parser.error("--candidates: expected titles, since this method has no recommender to propose any")
        answer = method.rank(history, candidates, representation)
        free_text = method.write(history, candidates, representation) if named.free_text else None
        print(escaped(answer_text(method.titles, candidates, answer, free_text)))
    except (ArtifactError, FileNotFoundError, ValueError) as error:
        sys.exit(escaped(f"ilora predict: {error}"))


if __name__ == "__main__":
    main()

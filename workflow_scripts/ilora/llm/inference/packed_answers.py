"""The answers to one prompt packed into one row, each processed as if it were the only one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ilora.llm.inference.answer_trie import ROOT, Answers, answer_trie


@dataclass(frozen=True)
class PackedAnswers:
    """A trie of answers, laid out as input of a model.

    Only nodes with children are read, because leaves predict nothing.

    Attributes:
        answers: the original answers.
        token_ids: token ids of the nodes that are read.
        visible: attention mask, bool (nodes read, nodes read): a node attends to its ancestors and itself.
        tokens: token ids of all nodes.
        predictors: state that predicts each node: 0 is the prompt's end, 1 the first node that is read.
        parents: number of each node's parent, or ROOT.
        ends: for each answer, the node of its last token.
    """

    answers: Answers
    token_ids: list[int]
    visible: NDArray[np.bool_]
    tokens: list[int]
    predictors: list[int]
    parents: list[int]
    ends: list[int]

    def sums(self, log_probabilities: Sequence[float]) -> NDArray[np.float64]:
        """Return the sum of the nodes' log-probabilities over each answer's path, float64 (answers,)."""
        along = [0.0]  # the root, before the nodes
        for parent, log_probability in zip(self.parents, log_probabilities, strict=True):
            along.append(along[parent + 1] + log_probability)
        return np.array([along[end + 1] for end in self.ends])


def pack_answers(answers: Answers) -> PackedAnswers:
    """Pack answers; none is empty, and at least one has two or more tokens.

    Raises:
        ValueError: if there is no answer, or an empty one.
    """
    trie = answer_trie(answers)
    read = [node for node in range(len(trie.tokens)) if trie.children[node]]
    place = {node: number for number, node in enumerate(read)}
    visible = np.eye(len(read), dtype=np.bool_)
    for number, node in enumerate(read):
        if trie.parents[node] != ROOT:
            visible[number] |= visible[place[trie.parents[node]]]
    state = {ROOT: 0, **{node: number + 1 for node, number in place.items()}}
    return PackedAnswers(
        answers=answers,
        token_ids=[trie.tokens[node] for node in read],
        visible=visible,
        tokens=trie.tokens,
        predictors=[state[parent] for parent in trie.parents],
        parents=trie.parents,
        ends=trie.ends,
    )


def visible_among(packed: Sequence[PackedAnswers]) -> NDArray[np.bool_]:
    """Return the attention mask among the tokens of several rows, bool (rows, longest row, longest row).

    Padding attends to itself, so that no softmax runs over an empty set of tokens.
    """
    longest = max(len(row.token_ids) for row in packed)
    among = np.broadcast_to(np.eye(longest, dtype=np.bool_), (len(packed), longest, longest)).copy()
    for number, row in enumerate(packed):
        read = len(row.token_ids)
        among[number, :read, :read] = row.visible
    return among

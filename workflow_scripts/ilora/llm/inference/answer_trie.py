"""The possible answers to a prompt as a tree of tokens: what begins alike is one path."""

from collections.abc import Sequence
from dataclasses import dataclass

Answers = Sequence[Sequence[int]]
"""The possible answers to a prompt: token ids of each, its end included."""

ROOT = -1
"""Stands for the prompt's last token, after which every answer begins."""


@dataclass(frozen=True)
class AnswerTrie:
    """A tree in which every answer is a path from the root; a parent's number is below its children's.

    Attributes:
        tokens: token id of each node.
        parents: number of each node's parent, or ROOT.
        ends: for each answer, the node of its last token; the same for answers of the same tokens.
        children: for each node and for ROOT, the nodes that follow it, by their tokens.
    """

    tokens: list[int]
    parents: list[int]
    ends: list[int]
    children: dict[int, dict[int, int]]

    def next_tokens(self, written: Sequence[int]) -> list[int]:
        """Give the tokens that can follow what is written; none after the end of an answer, or beside every path."""
        node = ROOT
        for token in written:
            if token not in self.children[node]:
                return []
            node = self.children[node][token]
        return list(self.children[node])


def answer_trie(answers: Answers) -> AnswerTrie:
    """Make the tree of some answers, each of at least one token.

    Raises:
        ValueError: if there is no answer, or one without tokens.
    """
    if not answers or not all(answers):
        raise ValueError(
            f"found {sum(not answer for answer in answers)} empty of {len(answers)} answers, expected none"
        )
    trie = AnswerTrie(tokens=[], parents=[], ends=[], children={ROOT: {}})
    for answer in answers:
        node = ROOT
        for token in answer:
            following = trie.children[node]
            if token not in following:
                following[token] = len(trie.tokens)
                trie.children[following[token]] = {}
                trie.tokens.append(token)
                trie.parents.append(node)
            node = following[token]
        trie.ends.append(node)
    return trie

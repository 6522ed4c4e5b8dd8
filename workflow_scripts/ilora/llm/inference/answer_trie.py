"""A trie over the possible answers to a prompt: common prefixes share a path."""

from collections.abc import Sequence
from dataclasses import dataclass

Answers = Sequence[Sequence[int]]
"""The possible answers to a prompt: token ids of each, including its end."""

ROOT = -1
"""Stands for the prompt's last token, after which every answer begins."""


@dataclass(frozen=True)
class AnswerTrie:
    """A trie in which every answer is a path from the root; a parent has a lower number than its children.

    Attributes:
        tokens: token id of each node.
        parents: number of each node's parent, or ROOT.
        ends: for each answer, the node of its last token; identical answers share it.
        children: child nodes of each node and of ROOT, by token.
    """

    tokens: list[int]
    parents: list[int]
    ends: list[int]
    children: dict[int, dict[int, int]]

    def next_tokens(self, written: Sequence[int]) -> list[int]:
        """Return the tokens that can follow a prefix; none after the end of an answer or off every path."""
        node = ROOT
        for token in written:
            if token not in self.children[node]:
                return []
            node = self.children[node][token]
        return list(self.children[node])


def answer_trie(answers: Answers) -> AnswerTrie:
    """Build the trie over answers, each of at least one token.

    Raises:
        ValueError: if there is no answer, or an answer is empty.
    """
    if not answers or not all(answers):
        raise ValueError(
            f"found {sum(not answer for answer in answers)} empty answers of {len(answers)}, expected none"
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

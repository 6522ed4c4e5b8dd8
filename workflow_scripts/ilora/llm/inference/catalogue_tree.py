"""The answers of a whole catalogue as one tree of tokens, in blocks that are read one after another behind a prompt.

Every node that predicts something is read exactly once: where a block begins in the middle of a title, the keys and
values of the tokens before it are kept from the blocks that read them.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ilora.llm.inference.answer_trie import ROOT, Answers, AnswerTrie, answer_trie

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class CatalogueBlock:
    """Nodes that are read in one pass.

    Attributes:
        token_ids: int64 (read,).
        kept: int64 (kept,), which of the tokens that the pass before kept or read, in this order, are kept: they
            stand before the first node of the block in its title.
        among: bool (read, kept + read), what each node attends to: the nodes before it in its title, and itself.
        predicted: int64 (predicted,), numbers of the nodes that the pass gives the log-probabilities of.
        predictors: int64 (predicted,), what predicts each: 0 is the prompt's end, 1 the first node that is read.
        predicted_tokens: int64 (predicted,), their tokens.
    """

    token_ids: Numbers
    kept: Numbers
    among: NDArray[np.bool_]
    predicted: Numbers
    predictors: Numbers
    predicted_tokens: Numbers


@dataclass(frozen=True)
class CatalogueTree:
    """A catalogue of answers as a tree; answers of the same tokens are one path.

    Attributes:
        blocks: in the order in which they are read.
        levels: nodes by their depth, each level int64 (nodes,).
        parents: int64 (nodes,), of the root's children ROOT.
        ends: int64 (answers,), the node of each answer's last token.
        lengths: int64 (answers,), tokens of each.
        distinct: how many answers differ.
    """

    blocks: list[CatalogueBlock]
    levels: list[Numbers]
    parents: Numbers
    ends: Numbers
    lengths: Numbers
    distinct: int

    @classmethod
    def of(cls, catalogue: Answers, nodes_in_a_block: int) -> Self:
        """Make the tree of a catalogue.

        Args:
            catalogue: token ids of each answer, none of them empty and one at least of two tokens.
            nodes_in_a_block: that are read at once, at most.

        Raises:
            ValueError: as `answer_trie` raises it.
        """
        # Sorted, the nodes of a subtree follow each other, the first child right behind its parent.
        distinct = sorted({tuple(answer) for answer in catalogue})
        trie = answer_trie(distinct)
        ends = dict(zip(distinct, trie.ends, strict=True))
        return cls(
            blocks=_blocks(trie, nodes_in_a_block),
            levels=_levels(trie.parents),
            parents=np.array(trie.parents),
            ends=np.array([ends[tuple(answer)] for answer in catalogue]),
            lengths=np.array([len(answer) for answer in catalogue]),
            distinct=len(distinct),
        )

    @property
    def nodes(self) -> int:
        """Nodes of the tree."""
        return len(self.parents)

    @property
    def read(self) -> int:
        """Those of them that are read, once for each prompt: what an answer ends in predicts nothing."""
        return sum(len(block.token_ids) for block in self.blocks)

    def sums(self, log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the sum over each answer's path, float64 (rows, answers).

        Args:
            log_probabilities: of every node, float64 (rows, nodes).
        """
        # The last column is the root's, which the number of a parent that is ROOT leads to.
        along = np.pad(log_probabilities, ((0, 0), (0, 1)))
        for level in self.levels:
            along[:, level] += along[:, self.parents[level]]
        return along[:, self.ends]


def _levels(parents: list[int]) -> list[Numbers]:
    depths: list[int] = []
    for parent in parents:
        depths.append(0 if parent == ROOT else depths[parent] + 1)
    return [np.flatnonzero(np.array(depths) == depth) for depth in range(max(depths) + 1)]


def _blocks(trie: AnswerTrie, nodes_in_a_block: int) -> list[CatalogueBlock]:
    read = [node for node in range(len(trie.tokens)) if trie.children[node]]
    blocks, before = [], list[int]()
    for begin in range(0, len(read), nodes_in_a_block):
        nodes = read[begin : begin + nodes_in_a_block]
        kept = _ancestors(trie, nodes[0])
        blocks.append(_block(trie, nodes, kept, before, begin == 0))
        before = [*kept, *nodes]
    return blocks


def _ancestors(trie: AnswerTrie, node: int) -> list[int]:
    """Give the nodes before one in its titles, from the first token on."""
    above = []
    while (node := trie.parents[node]) != ROOT:
        above.append(node)
    return above[::-1]


def _block(trie: AnswerTrie, nodes: list[int], kept: list[int], before: list[int], is_first: bool) -> CatalogueBlock:
    place = {node: number for number, node in enumerate([*kept, *nodes])}
    among = np.zeros((len(nodes), len(place)), dtype=np.bool_)
    for number, node in enumerate(nodes):
        parent = place.get(trie.parents[node])
        if parent is not None and parent >= len(kept):
            among[number] = among[parent - len(kept)]
        elif parent is not None:
            among[number, : parent + 1] = True
        among[number, place[node]] = True
    # What follows the prompt itself is known before any block is read.
    parents = [*([ROOT] if is_first else []), *nodes]
    states = {ROOT: 0, **{node: number + 1 for number, node in enumerate(nodes)}}
    predicted = [(child, states[parent]) for parent in parents for child in trie.children[parent].values()]
    earlier = {node: number for number, node in enumerate(before)}
    return CatalogueBlock(
        token_ids=np.array([trie.tokens[node] for node in nodes]),
        kept=np.array([earlier[node] for node in kept], dtype=np.int64),
        among=among,
        predicted=np.array([child for child, _ in predicted]),
        predictors=np.array([state for _, state in predicted]),
        predicted_tokens=np.array([trie.tokens[child] for child, _ in predicted]),
    )

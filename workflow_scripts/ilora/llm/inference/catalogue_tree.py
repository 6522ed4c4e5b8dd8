"""A trie over the answers of a whole catalogue, split into blocks that are processed in sequence after a prompt.

Every node that predicts another is processed exactly once: if a block begins in the middle of a title, the keys and
values of the preceding tokens are kept from earlier blocks.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ilora.llm.inference.answer_trie import ROOT, Answers, AnswerTrie, answer_trie

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class CatalogueBlock:
    """Nodes that are processed in one pass.

    Attributes:
        token_ids: token ids of the nodes, int64 (read,).
        kept: tokens to keep from the previous pass, as indices into the tokens that it kept and read, in this order,
            int64 (kept,): those that precede the first node of the block in its title.
        among: attention mask of the nodes, bool (read, kept + read): each attends to its ancestors and itself.
        predicted: numbers of the nodes whose log-probabilities the pass computes, int64 (predicted,).
        predictors: state that predicts each of them, int64 (predicted,): 0 is the prompt's end, 1 the first node read.
        predicted_tokens: token ids of the predicted nodes, int64 (predicted,).
    """

    token_ids: Numbers
    kept: Numbers
    among: NDArray[np.bool_]
    predicted: Numbers
    predictors: Numbers
    predicted_tokens: Numbers


@dataclass(frozen=True)
class CatalogueTree:
    """A trie over the answers of a catalogue; identical answers share one path.

    Attributes:
        blocks: blocks in processing order.
        levels: nodes of each depth, int64 (nodes,) each.
        parents: parent of each node, int64 (nodes,); ROOT for the root's children.
        ends: node of each answer's last token, int64 (answers,).
        lengths: number of tokens of each answer, int64 (answers,).
        distinct: number of distinct answers.
    """

    blocks: list[CatalogueBlock]
    levels: list[Numbers]
    parents: Numbers
    ends: Numbers
    lengths: Numbers
    distinct: int

    @classmethod
    def of(cls, catalogue: Answers, nodes_in_a_block: int) -> Self:
        """Build the trie over a catalogue.

        Args:
            catalogue: token ids of each answer; none is empty, and at least one has two or more tokens.
            nodes_in_a_block: maximum number of nodes per block.

        Raises:
            ValueError: see `answer_trie`.
        """
        # Sorting makes the nodes of a subtree contiguous, with the first child directly after its parent.
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
        """Number of nodes of the tree."""
        return len(self.parents)

    @property
    def read(self) -> int:
        """Number of nodes that are processed for each prompt: leaves predict nothing and are not read."""
        return sum(len(block.token_ids) for block in self.blocks)

    def sums(self, log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum over each answer's path, float64 (rows, answers).

        Args:
            log_probabilities: log-probability of every node, float64 (rows, nodes).
        """
        # The last column is the root's: ROOT indexes it.
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
    """Return the ancestors of a node, from the first token on."""
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
    # The nodes that follow the prompt itself are predicted before any block is read.
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

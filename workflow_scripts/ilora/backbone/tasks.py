"""Pretraining tasks of the embedded backbone, which teach the skill but never preferences.

Behaviour tokens are computed from random vectors of random geometry, so that no recommender is needed or used. Every
example is a pure function of the random generator passed to it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ilora.adapters.labels import IGNORED_LABEL
from ilora.llm.prompts.builder import NO_ITEM, Entry, PromptBuilder, TokenisedPrompt


@dataclass(frozen=True)
class PretrainingText:
    """The training split's text.

    ``builder`` has the title tokens of every item; ``items`` are those of the training split; ``sequences`` are the
    items of its users in order; ``first_ordinary_token`` is the first id that is not a special token.
    """

    builder: PromptBuilder
    items: Sequence[int]
    sequences: Sequence[Sequence[int]]
    first_ordinary_token: int
    vocabulary_size: int


@dataclass(frozen=True)
class Difficulty:
    """The difficulty of the examples, which increases during pretraining.

    The correlations are bounds (lowest, highest) of a uniform draw: the correlation of a history's vectors, and of the
    answer's vector, with their common direction. Their final values leave the answer uncertain, as real preferences do,
    so that the backbone learns calibrated confidence. ``tokens`` is the length of texts without a prompt.
    """

    candidates: int
    history: int
    history_correlation: tuple[float, float]
    answer_correlation: tuple[float, float]
    tokens: int


@dataclass(frozen=True)
class PretrainingExample:
    """A training example with the vectors of its behaviour tokens, float32 (vectors, d), possibly none."""

    token_ids: list[int]
    behaviour: list[int]
    labels: list[int]
    vectors: np.ndarray


class VectorSpace:
    """Random vectors of one random geometry: d dimensions of unequal weight, with every vector of norm sqrt(d).

    Real item embeddings are never isotropic, so the weights decay as index^-p with p drawn from [0, 0.75].
    """

    def __init__(self, width: int, generator: np.random.Generator) -> None:
        self.width = width
        self._generator = generator
        self._weights = np.arange(1, width + 1) ** -generator.uniform(0, 0.75)
        self._rotation = np.linalg.qr(generator.standard_normal((width, width)))[0]

    def draw(self, count: int) -> np.ndarray:
        """Draw independent vectors, float64 (count, d)."""
        return self._scale(self._generator.standard_normal((count, self.width)) * self._weights @ self._rotation)

    def near(self, direction: np.ndarray, correlation: float, count: int) -> np.ndarray:
        """Draw vectors, float64 (count, d), that have the given correlation with ``direction``."""
        noise = self.draw(count)
        return self._scale(correlation * direction + np.sqrt(1 - correlation**2) * noise)

    def _scale(self, vectors: np.ndarray) -> np.ndarray:
        return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True) * np.sqrt(self.width)


class TaskExamples:
    """Generator of examples of each task.

    Args:
        text: text of the training split.
        vector_width: width d of the behaviour vectors.
        kept_labels: fraction of the labels that dense tasks keep, for speed.
    """

    def __init__(self, text: PretrainingText, vector_width: int, kept_labels: float = 0.25) -> None:
        self.text = text
        self.vector_width = vector_width
        self.kept_labels = kept_labels
        self.tasks: dict[str, Callable[[np.random.Generator, Difficulty], PretrainingExample]] = {
            "choose": self.choose,
            "recall": self.recall,
            "prompt": self.prompt,
            "repeat": self.repeat,
            "titles": self.titles,
        }

    def choose(self, generator: np.random.Generator, difficulty: Difficulty) -> PretrainingExample:
        """Draw an example in which the history and one candidate share a direction; the answer is that candidate."""
        history, candidates = difficulty.history, difficulty.candidates
        titles = self._titles(generator, history + candidates, random_share=0.3)
        space = VectorSpace(self.vector_width, generator)
        direction = space.draw(1)[0]
        of_history = generator.uniform(*difficulty.history_correlation)
        of_answer = generator.uniform(*difficulty.answer_correlation)
        vectors = np.concatenate([space.near(direction, of_history, history), space.draw(candidates)])
        answer = int(generator.integers(candidates))
        vectors[history + answer] = space.near(direction, of_answer, 1)[0]
        entries = [Entry(title, index) for index, title in enumerate(titles)]
        return self._answered(entries[:history], entries[history:], titles[history + answer], vectors)

    def prompt(self, generator: np.random.Generator, difficulty: Difficulty) -> PretrainingExample:
        """Draw a prompt without behaviour vectors whose answer is a random candidate, to teach only the format."""
        count = difficulty.history + difficulty.candidates
        titles = self._titles(generator, count, random_share=0.0)
        entries = [Entry(title, NO_ITEM) for title in titles]
        answer = titles[difficulty.history + int(generator.integers(difficulty.candidates))]
        empty = np.empty((0, self.vector_width))
        return self._answered(entries[: difficulty.history], entries[difficulty.history :], answer, empty)

    def recall(self, generator: np.random.Generator, difficulty: Difficulty) -> PretrainingExample:
        """Draw lines of vector and title, then each vector with noise; the answer is the title next to it."""
        count = max(2, difficulty.tokens // 9)
        titles = self._titles(generator, count, random_share=0.4)
        space = VectorSpace(self.vector_width, generator)
        first = space.draw(count)
        lowest = (1 + difficulty.history_correlation[0]) / 2
        second = np.concatenate([space.near(vector, generator.uniform(lowest, 1), 1) for vector in first])
        written = self._start()
        for index, title in enumerate(titles):
            self.text.builder.append_entry(written, Entry(title, index))
        labels = [IGNORED_LABEL] * len(written.token_ids)
        for index in generator.permutation(count):
            begin = len(written.token_ids)
            self.text.builder.append_entry(written, Entry(titles[index], count + int(index)))
            labels += self._dense_labels(generator, written, begin)
        return PretrainingExample(written.token_ids, written.behaviour, labels, np.concatenate([first, second]))

    def repeat(self, generator: np.random.Generator, difficulty: Difficulty) -> PretrainingExample:
        """Draw a repeated sequence of random tokens; every token after the first round is predictable."""
        period = int(generator.integers(4, max(7, difficulty.tokens // 3)))
        tokens = self._random_tokens(generator, period)
        rounds = difficulty.tokens // period + 1
        written = self._start()
        written.token_ids.extend((tokens * rounds)[: difficulty.tokens])
        written.behaviour.extend([NO_ITEM] * (len(written.token_ids) - len(written.behaviour)))
        begin = len(self._start().token_ids) + period
        labels = [IGNORED_LABEL] * begin + self._dense_labels(generator, written, begin)
        return self._without_vectors(written, labels[: len(written.token_ids)])

    def titles(self, generator: np.random.Generator, difficulty: Difficulty) -> PretrainingExample:
        """Draw titles, one per line, in the order of a training user's interactions."""
        sequence = self.text.sequences[int(generator.integers(len(self.text.sequences)))]
        begin = int(generator.integers(max(1, len(sequence) - 10)))
        written = self._start()
        for item in sequence[begin:]:
            self.text.builder.append_entry(written, Entry(self.text.builder.titles[item], NO_ITEM))
            if len(written.token_ids) >= difficulty.tokens:
                break
        start = len(self._start().token_ids)
        return self._without_vectors(written, [IGNORED_LABEL] * start + self._dense_labels(generator, written, start))

    def _start(self) -> TokenisedPrompt:
        return self.text.builder.beginning()

    def _without_vectors(self, written: TokenisedPrompt, labels: list[int]) -> PretrainingExample:
        return PretrainingExample(written.token_ids, written.behaviour, labels, np.empty((0, self.vector_width)))

    def _answered(
        self,
        history: Sequence[Entry],
        candidates: Sequence[Entry],
        answer: Sequence[int],
        vectors: np.ndarray,
    ) -> PretrainingExample:
        prompt = self.text.builder.assemble(history, candidates)
        ending = [*answer, *self.text.builder.newline]
        return PretrainingExample(
            token_ids=prompt.token_ids + ending,
            behaviour=prompt.behaviour + [NO_ITEM] * len(ending),
            labels=[IGNORED_LABEL] * len(prompt.token_ids) + ending,
            vectors=vectors,
        )

    def _dense_labels(self, generator: np.random.Generator, written: TokenisedPrompt, begin: int) -> list[int]:
        """Label the tokens from ``begin`` on, except behaviour tokens, and keep a fraction of the labels."""
        kept = generator.random(len(written.token_ids) - begin) < self.kept_labels
        placeholder = self.text.builder.placeholder
        return [
            token if keep and token != placeholder else IGNORED_LABEL
            for token, keep in zip(written.token_ids[begin:], kept, strict=True)
        ]

    def _titles(self, generator: np.random.Generator, count: int, random_share: float) -> Sequence[Sequence[int]]:
        """Draw distinct real titles or, with the given probability, titles of random tokens."""
        if generator.random() < random_share:
            lengths = generator.choice([1, 1, 2, 2, 3, 4], size=count)
            return [self._random_tokens(generator, int(length)) for length in lengths]
        chosen = generator.choice(len(self.text.items), size=count, replace=count > len(self.text.items))
        return [self.text.builder.titles[self.text.items[int(index)]] for index in chosen]

    def _random_tokens(self, generator: np.random.Generator, count: int) -> list[int]:
        drawn = generator.integers(self.text.first_ordinary_token, self.text.vocabulary_size, size=count)
        return [int(token) for token in drawn]

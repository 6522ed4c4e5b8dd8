"""Likelihoods of a whole catalogue in blocks: equal to those of separate titles, with each token processed once."""

import logging
from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from hybrid_models import Adapter, hybrid_model
from ilora.datasets.register import DATASETS
from ilora.llm.inference.catalogue_likelihood import CannotShareError, TokensRead, score_catalogue
from ilora.llm.inference.catalogue_tree import CatalogueTree
from ilora.llm.inference.likelihood import score_without_sharing
from ilora.llm.inference.prompt_batches import PreparedPrompt
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.builder import PromptBuilder, PromptStyle
from ilora.llm.training.memory_estimate import BytesHeld
from ilora.progress import Progress
from tiny_models import ARCHITECTURES, representations

#: Eight titles with behaviour tokens, of which "The Ape" is a prefix of another; then dozens with a common beginning.
TITLES = ["Alien", "The Ape", "The Ape II", "Brazil", "Casino", "Dune", "Emma", "Fargo"]
TITLES += [f"The {middle} {last}" for middle, last in product(["Ape", "Cat", "Dune", "Far"], ["2", "III", "of Emma"])]
#: Histories of different lengths, one with a repeated item.
HISTORIES = [[0, 1, 2], [5], [4, 3, 7, 6, 5, 4]]


@pytest.fixture
def titles(tokenizer: PreTrainedTokenizerFast) -> PromptBuilder:
    """A builder of prompts about a catalogue whose last title duplicates the second."""
    style = PromptStyle("history_first", "before_title")
    return PromptBuilder(tokenizer, [*TITLES, "The Ape"], style, DATASETS["movielens"].wording)


def prompts_of(builder: PromptBuilder, dtype: torch.dtype) -> list[PreparedPrompt]:
    gate_inputs = representations(len(HISTORIES), dtype=dtype)
    return [PreparedPrompt(builder.prompt(history, []), z) for history, z in zip(HISTORIES, gate_inputs, strict=True)]


def answers_of(builder: PromptBuilder) -> list[list[int]]:
    return [builder.answer(item) for item in range(len(builder.titles))]


def score(
    hybrid: HybridLanguageModel, prompts: Sequence[PreparedPrompt], tree: CatalogueTree, batch_size: int = 2
) -> tuple[npt.NDArray[np.float64], TokensRead]:
    read = TokensRead()
    with Progress(len(prompts), "scoring", logging.getLogger("test")) as progress:
        scores = score_catalogue(hybrid, prompts, tree, batch_size, progress, read)
    assert progress.step == len(prompts)
    return np.stack([one.sums for one in scores]), read


@pytest.mark.parametrize(
    ("adapter", "nodes_in_a_block"),
    [("none", 4), ("uniform", 1000), ("instance_wise", 7), ("token_collapsed", 7)],
)
def test_every_title_scores_as_it_does_alone(
    adapter: Adapter, nodes_in_a_block: int, titles: PromptBuilder, tokenizer: PreTrainedTokenizerFast
) -> None:
    hybrid = hybrid_model(adapter, len(tokenizer))
    prompts, answers = prompts_of(titles, torch.float64), answers_of(titles)
    tree = CatalogueTree.of(answers, nodes_in_a_block)
    found, _ = score(hybrid, prompts, tree)
    for prompt, of_prompt in zip(prompts, found, strict=True):
        # One at a time, without cache, tree or padding.
        alone = np.concatenate([score_without_sharing(hybrid, prompt, [answer]).sums for answer in answers])
        np.testing.assert_allclose(of_prompt, alone, rtol=0, atol=1e-10)
        assert of_prompt[1] == of_prompt[-1]  # exactly: titles of two items are tied
        np.testing.assert_array_equal(np.argsort(-of_prompt[:-1]), np.argsort(-alone[:-1]))
    np.testing.assert_array_equal(tree.lengths, [len(answer) for answer in answers])


@pytest.mark.parametrize("family", [family for family in ARCHITECTURES if family != "llama"])
def test_other_architectures(family: str, titles: PromptBuilder, tokenizer: PreTrainedTokenizerFast) -> None:
    # Gemma 2 supports only eager attention, whose softmax is in single precision.
    dtype, tolerance = (torch.float32, 1e-4) if family == "gemma2" else (torch.float64, 1e-10)
    hybrid = hybrid_model("instance_wise", len(tokenizer), family, dtype, sliding_window=300)
    prompts, answers = prompts_of(titles, dtype), answers_of(titles)
    found, _ = score(hybrid, prompts, CatalogueTree.of(answers, 7))
    for prompt, of_prompt in zip(prompts, found, strict=True):
        expected = score_without_sharing(hybrid, prompt, answers).sums
        np.testing.assert_allclose(of_prompt, expected, rtol=0, atol=tolerance)


def test_answers_that_exclude_each_other_share_all_probability(
    titles: PromptBuilder, tokenizer: PreTrainedTokenizerFast
) -> None:
    tokens, begun = range(len(tokenizer)), 7
    everything = [[token] for token in tokens if token != begun] + [[begun, token] for token in tokens]
    prompts = prompts_of(titles, torch.float64)
    found, _ = score(hybrid_model("none", len(tokenizer)), prompts, CatalogueTree.of(everything, 7))
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1)


@pytest.mark.parametrize("nodes_in_a_block", [5, 1000])
def test_each_token_is_read_once(
    nodes_in_a_block: int, titles: PromptBuilder, tokenizer: PreTrainedTokenizerFast
) -> None:
    hybrid = hybrid_model("uniform", len(tokenizer))
    prompts, answers = prompts_of(titles, torch.float64), answers_of(titles)
    tree = CatalogueTree.of(answers, nodes_in_a_block)
    widths: list[int] = []

    def count(module: torch.nn.Module, arguments: object, given: dict[str, torch.Tensor]) -> None:
        widths.append(given["inputs_embeds"].shape[1])

    hybrid.causal_model.register_forward_pre_hook(count, with_kwargs=True)
    _, read = score(hybrid, prompts, tree, batch_size=3)
    begun = {tuple(answer[:length]) for answer in answers for length in range(1, len(answer))}
    assert tree.read == len(begun)
    assert sum(widths[1:]) == len(begun)
    assert max(widths[1:]) <= nodes_in_a_block
    lengths = [len(prompt.tokens.token_ids) for prompt in prompts]
    assert (read.prompts, read.titles) == (sum(lengths), 3 * len(begun))
    assert read.prompts + read.padding == 3 * widths[0] == 3 * max(lengths)


def test_a_batch_scores_as_one_at_a_time_and_twice_the_same(
    titles: PromptBuilder, tokenizer: PreTrainedTokenizerFast
) -> None:
    hybrid = hybrid_model("instance_wise", len(tokenizer))
    prompts, tree = prompts_of(titles, torch.float64), CatalogueTree.of(answers_of(titles), 7)
    together, _ = score(hybrid, prompts, tree, batch_size=3)
    apart, _ = score(hybrid, prompts, tree, batch_size=1)
    np.testing.assert_allclose(together, apart, rtol=0, atol=1e-10)
    again, _ = score(hybrid, prompts, tree, batch_size=3)
    np.testing.assert_array_equal(together, again)


def test_memory_does_not_grow_with_the_catalogue(titles: PromptBuilder, tokenizer: PreTrainedTokenizerFast) -> None:
    hybrid = hybrid_model("none", len(tokenizer), dtype=torch.float32)
    prompts = prompts_of(titles, torch.float32)
    texts = [[first, second, 5] for first in range(10, 26) for second in range(10, 26)]

    def peak(catalogue: list[list[int]]) -> int:
        tree = CatalogueTree.of(catalogue, 16)
        with BytesHeld([*hybrid.parameters(), *hybrid.buffers()]) as held:
            score(hybrid, prompts, tree)
        return held.peak

    assert peak(texts) < 1.1 * peak(texts[:64])


@pytest.mark.parametrize(("adapter", "window"), [("none", 256), ("uniform", 60)])
def test_a_model_that_cannot_share_a_prompt_is_refused(
    adapter: Adapter, window: int, titles: PromptBuilder, tokenizer: PreTrainedTokenizerFast
) -> None:
    hybrid = hybrid_model(adapter, len(tokenizer), "mistral", sliding_window=window)
    tree = CatalogueTree.of(answers_of(titles), 7)
    with pytest.raises(CannotShareError, match=r"MistralForCausalLM with attention sdpa.*cannot rank all items"):
        score(hybrid, prompts_of(titles, torch.float64), tree)


def test_scores_that_are_not_finite_are_refused(titles: PromptBuilder, tokenizer: PreTrainedTokenizerFast) -> None:
    hybrid = hybrid_model("none", len(tokenizer))
    hybrid.causal_model.get_input_embeddings().weight.data.fill_(torch.nan)
    with pytest.raises(FloatingPointError, match="21 of 21 answers"):
        score(hybrid, prompts_of(titles, torch.float64), CatalogueTree.of(answers_of(titles), 7))

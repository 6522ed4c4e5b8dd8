"""The embedded backbone: tokenizer, constructed heads, tasks and pretraining."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from ilora.adapters.labels import IGNORED_LABEL
from ilora.backbone.architecture import BackboneShape, build_backbone
from ilora.backbone.initialisation import construct
from ilora.backbone.pretraining import PretrainingSettings, pretrain
from ilora.backbone.tasks import Difficulty, PretrainingText, TaskExamples, VectorSpace
from ilora.backbone.tokenizer import train_tokenizer
from ilora.datasets.register import DATASETS
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.model.projector import Projector, load_projector
from ilora.llm.prompts.builder import NO_ITEM, PromptBuilder, PromptStyle

WORDS = ["Red", "Blue", "Dark", "Last", "Silent", "River", "House", "King", "Road", "Star"]
TITLES = [f"{first} {second}" for first in WORDS for second in WORDS]
EASY = Difficulty(candidates=5, history=3, history_correlation=(0.9, 1.0), answer_correlation=(0.9, 1.0), tokens=60)


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(TITLES, DATASETS["movielens"].wording, vocabulary_size=600)


@pytest.fixture(scope="module")
def builder(tokenizer: PreTrainedTokenizerFast) -> PromptBuilder:
    style = PromptStyle("candidates_first", "before_title")
    return PromptBuilder(tokenizer, TITLES, style, DATASETS["movielens"].wording)


@pytest.fixture(scope="module")
def tasks(tokenizer: PreTrainedTokenizerFast, builder: PromptBuilder) -> TaskExamples:
    text = PretrainingText(builder, range(90), [[1, 2, 3, 4], [5, 6, 7, 8, 9]], 4, len(tokenizer))
    return TaskExamples(text, vector_width=64, kept_labels=1.0)


def test_tokenizer_has_tokens_for_titles_it_never_saw(tokenizer: PreTrainedTokenizerFast) -> None:
    title = "Ère glaciaire, l' (Übermorgen) 日本"
    assert tokenizer.decode(tokenizer.encode(title, add_special_tokens=False)) == title


def test_tokenizer_is_the_same_each_time(tokenizer: PreTrainedTokenizerFast) -> None:
    again = train_tokenizer(TITLES, DATASETS["movielens"].wording, vocabulary_size=600)
    assert again.get_vocab() == tokenizer.get_vocab()


@pytest.mark.parametrize("task", ["choose", "recall", "prompt", "repeat", "titles"])
def test_every_task_labels_what_follows_and_no_behaviour_token(
    tasks: TaskExamples, builder: PromptBuilder, task: str
) -> None:
    for index in range(20):
        example = tasks.tasks[task](np.random.default_rng([3, index]), EASY)
        assert len(example.token_ids) == len(example.behaviour) == len(example.labels)
        for token, behaviour, label in zip(example.token_ids, example.behaviour, example.labels, strict=True):
            assert label in (IGNORED_LABEL, token)
            assert label != builder.placeholder
            assert behaviour == NO_ITEM or (token == builder.placeholder and behaviour < len(example.vectors))
        assert any(label != IGNORED_LABEL for label in example.labels)


def test_the_answer_of_choose_is_the_candidate_most_like_the_history(
    tasks: TaskExamples, builder: PromptBuilder
) -> None:
    for index in range(20):
        example = tasks.choose(np.random.default_rng([4, index]), EASY)
        history, candidates = example.vectors[: EASY.history], example.vectors[EASY.history :]
        best = EASY.history + int((candidates @ history.mean(axis=0)).argmax())
        answer = [label for label in example.labels if label != IGNORED_LABEL]
        place = example.behaviour.index(best)
        assert example.token_ids[place + 1 : place + 1 + len(answer)] == answer


def test_vectors_have_one_norm_and_the_correlation_asked_for() -> None:
    generator = np.random.default_rng(0)
    space = VectorSpace(64, generator)
    direction = space.draw(1)[0]
    near = space.near(direction, 0.6, 2000)
    np.testing.assert_allclose(np.linalg.norm(near, axis=1), 8.0)
    assert (near @ direction / 64).mean() == pytest.approx(0.6, abs=0.02)


def test_constructed_heads_copy_what_followed_and_random_ones_do_not(
    tokenizer: PreTrainedTokenizerFast, builder: PromptBuilder
) -> None:
    """Random tokens repeated: the second round can be predicted only from the first."""
    shape = BackboneShape()
    period = np.random.default_rng(0).integers(4, len(tokenizer), size=(16, 20))
    tokens = torch.from_numpy(np.concatenate([period, period], axis=1))

    def accuracy(constructed: bool) -> float:
        torch.manual_seed(0)
        model = build_backbone(shape, tokenizer).eval()
        if constructed:
            construct(model, Projector(64, shape.hidden_size), builder.placeholder, seed=0)
        with torch.no_grad():
            predicted = model(tokens).logits[:, 20:-1].argmax(dim=-1)
        return float((predicted == tokens[:, 21:]).float().mean())

    assert accuracy(constructed=True) > 0.4
    assert accuracy(constructed=False) < 0.05


def test_too_small_a_shape_for_the_heads_is_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    shape = BackboneShape(hidden_size=32, heads=1, layers=2)
    with pytest.raises(ValueError, match="at least 2 layers of 2 heads"):
        construct(build_backbone(shape, tokenizer), Projector(8, 32), 3, seed=0)
    with pytest.raises(ValueError, match="not a multiple of heads"):
        build_backbone(BackboneShape(hidden_size=33), tokenizer)


@pytest.mark.slow
def test_pretraining_is_a_function_of_its_seed_and_comes_back_from_disk(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast, builder: PromptBuilder
) -> None:
    settings = PretrainingSettings(
        seed=0,
        steps=4,
        batch_size=2,
        learning_rate=1e-3,
        warmup_steps=1,
        vector_width=8,
        candidates=4,
        history=3,
        shape=BackboneShape(hidden_size=32, layers=2, heads=2, intermediate_size=48),
    )
    first, same, other = (
        pretrain(
            builder,
            tokenizer,
            range(90),
            [[1, 2, 3], [4, 5, 6]],
            replace(settings, seed=seed),
        )
        for seed in (0, 0, 1)
    )
    state = first.model.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in same.model.state_dict().items())
    assert not torch.equal(state["model.embed_tokens.weight"], other.model.state_dict()["model.embed_tokens.weight"])
    first.save(tmp_path, tokenizer)
    loaded = HybridLanguageModel(
        AutoModelForCausalLM.from_pretrained(tmp_path), load_projector(tmp_path / "projector.safetensors")
    )
    prompt = builder.prompt([0, 1], [2, 3])
    inputs = torch.tensor([prompt.token_ids]), torch.tensor([prompt.behaviour]), torch.randn(8, 8)
    before = HybridLanguageModel(first.model, first.projector)
    assert torch.equal(before.embed(*inputs), loaded.embed(*inputs))
    assert AutoTokenizer.from_pretrained(tmp_path).encode("Red River") == tokenizer.encode("Red River")

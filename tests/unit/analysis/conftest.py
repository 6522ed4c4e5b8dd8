"""A tiny tuned model, uniform or gated, with its examples."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from ilora.adapters.labels import IGNORED_LABEL
from ilora.backbone.architecture import BackboneShape, build_backbone
from ilora.backbone.tokenizer import train_tokenizer
from ilora.datasets.register import DATASETS
from ilora.llm.model.adapter import attach_adapter
from ilora.llm.model.collation import TrainingExample
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.model.projector import fresh_projector
from ilora.llm.prompts.builder import NO_ITEM, PromptBuilder, PromptStyle
from small_tuning import small_adapter

TITLES = ["Alien", "The Ape", "The Ape II", "Brazil", "Casino", "Dune", "Emma", "Fargo"]
WIDTH = 4
SEQUENCES = 12


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(TITLES, DATASETS["movielens"].wording, vocabulary_size=400)


@pytest.fixture(scope="session")
def example(tokenizer: PreTrainedTokenizerFast) -> Callable[[int], TrainingExample]:
    """Return twelve examples by number, with answers of different lengths."""
    builder = PromptBuilder(
        tokenizer, TITLES, PromptStyle("candidates_first", "before_title"), DATASETS["movielens"].wording
    )
    examples = []
    for number in range(SEQUENCES):
        generator = np.random.default_rng(number)
        items = generator.permutation(len(TITLES)).tolist()
        prompt, answer = builder.prompt(items[:3], items[3:6]), builder.answer(items[4])
        examples.append(
            TrainingExample(
                token_ids=prompt.token_ids + answer,
                behaviour=prompt.behaviour + [NO_ITEM] * len(answer),
                labels=[IGNORED_LABEL] * len(prompt.token_ids) + answer,
                gate_input=generator.standard_normal(WIDTH, dtype=np.float32),
            )
        )
    return examples.__getitem__


@pytest.fixture
def build(tokenizer: PreTrainedTokenizerFast) -> Callable[[int | None], HybridLanguageModel]:
    """Return a function that makes a model with a nonzero B, as after tuning.

    Its argument is the number of experts, None for uniform LoRA.
    """

    def make(experts: int | None) -> HybridLanguageModel:
        torch.manual_seed(0)
        llama = build_backbone(BackboneShape(hidden_size=16, layers=2, heads=2, intermediate_size=24), tokenizer)
        llama.requires_grad_(False)
        vectors = torch.randn(len(TITLES), WIDTH)
        shape = small_adapter(
            "uniform" if experts is None else "instance_wise",
            lora_dropout=0.5,
            target_modules=("q_proj", "down_proj"),
            experts=experts or 1,
            gate="residual_convolution",
        )
        model = attach_adapter(llama, fresh_projector(vectors, llama, 0), vectors, shape, WIDTH, seed=0)
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.1)
        return model

    return make

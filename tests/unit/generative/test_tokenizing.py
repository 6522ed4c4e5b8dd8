from __future__ import annotations

import logging
from typing import Any

import pytest
import torch

from ilora.configuration.sections.generative import GenerativeSection
from ilora.generative.quantisation import Quantisation
from ilora.generative.tokenizing import TOKENIZERS, generator_shape

TRAINING = {"hidden_sizes": [8], "code_size": 4, "warmup_epochs": 1, "epochs": 1}


@pytest.fixture(scope="module")
def vectors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    text = torch.randn(40, 6, generator=generator)
    # Items 3 and 30 have the same description.
    text[30] = text[3]
    return {"item": text, "category": text[:, :6].round(), "title": text, "collaborative": text[:, :3] * 5}


def settings(**values: Any) -> GenerativeSection:
    return GenerativeSection.read({"quantiser_training": TRAINING, **values})


@pytest.mark.parametrize("quantiser", ["residual_k_means", "rq_vae"])
def test_tigers_ids_are_one_for_each_item_unless_the_collision_token_is_left_out(
    quantiser: str, vectors: dict[str, torch.Tensor]
) -> None:
    tiger = {"quantiser": quantiser, "codebook_size": 5, "levels": 2, "user_tokens": 7}
    made = TOKENIZERS["tiger"](vectors, settings(tiger=tiger), 1)
    assert made.ids.levels == ("residual 1", "residual 2", "collision")
    assert set(made.ids.group_sizes.tolist()) == {1}
    assert isinstance(made.quantisation, Quantisation) and len(made.quantisation.codebooks) == 2
    shape = generator_shape("tiger", settings(tiger=tiger), made.ids)
    assert shape.vocabulary.user_tokens == 7
    assert not (shape.level_embedding or shape.position_embedding)

    shared = TOKENIZERS["tiger"](vectors, settings(tiger={**tiger, "collision_token": False}), 1).ids
    assert shared.groups[3] == shared.groups[30]
    assert torch.equal(shared.codes, made.ids.codes[:, :2])


def test_cofirecs_ids_have_a_code_for_each_level_that_there_is(
    vectors: dict[str, torch.Tensor], caplog: pytest.LogCaptureFixture
) -> None:
    cofirec = {"codebook_size": 5, "position_embedding": False}
    with caplog.at_level(logging.WARNING):
        ids = TOKENIZERS["cofirec"](vectors, settings(cofirec=cofirec), 1).ids
    assert ids.levels == ("category", "title", "collaborative"), "there is no description"
    assert "the data set has no description" in caplog.text
    shape = generator_shape("cofirec", settings(cofirec=cofirec), ids)
    assert (shape.vocabulary.user_tokens, shape.level_embedding, shape.position_embedding) == (0, True, False)


def test_the_ablations_leave_a_level_out_or_write_the_levels_in_another_order(
    vectors: dict[str, torch.Tensor],
) -> None:
    plain = TOKENIZERS["cofirec"](vectors, settings(cofirec={"codebook_size": 5}), 1).ids
    ablated = {"codebook_size": 5, "order": "fine_to_coarse"}
    turned = TOKENIZERS["cofirec"](vectors, settings(cofirec=ablated), 1).ids
    assert turned.levels == plain.levels[::-1]
    assert torch.equal(turned.codes, plain.codes.flip(1)), "the same codes"
    without = {"codebook_size": 5, "levels": ["category", "title"]}
    assert TOKENIZERS["cofirec"](vectors, settings(cofirec=without), 1).ids.levels == ("category", "title")

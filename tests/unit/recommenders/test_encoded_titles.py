"""MoRec with a trainable encoder of titles: gradients, compared items, and the exported model."""

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.compute as pc
import pytest
import torch
from transformers import BertConfig, BertModel

from ilora.predictions.scores import candidate_matrix, score_candidates
from ilora.recommenders.encoded_titles import ComparedItems, EncodedTitles, EncoderTuning, TitleTokens
from ilora.recommenders.models import (
    all_item_scores,
    item_embeddings,
    optimizer_for,
    represent,
    sequence_representations,
    training_loss,
)
from ilora.recommenders.padded_sequences import FIRST_ITEM, PaddedSequences, pad_sequences
from ilora.recommenders.saved_model import ModelShape, load_model, save_model
from ilora.recommenders.settings import MoRecArchitecture, TrainingSettings
from ilora.recommenders.training import plain_model, untrained_model, untrained_model_with_encoder
from ilora.recommenders.training_loop import train
from ilora.recommenders.validation import hit_ratio, validation_sets

WIDTH, ITEMS, EMBEDDING = 12, 24, 8
#: A token that begins and ends every title, and is read but not averaged.
START, END, PAD = 1, 2, 0


def tokens_of_titles() -> TitleTokens:
    """Return titles of one or two own tokens, different for each item."""
    titles = [[START, 3 + item, END, PAD] if item % 2 else [START, 3 + item, 27, END] for item in range(ITEMS)]
    token_ids = torch.tensor(titles)
    read = (token_ids != PAD).long()
    return TitleTokens(token_ids, read, read * (token_ids != START) * (token_ids != END))


@pytest.fixture
def encoder() -> BertModel:
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=28,
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=8,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    model = BertModel(config, add_pooling_layer=False)
    with torch.no_grad():
        # Make titles differ more than in an untrained model, in which they are nearly the same.
        model.embeddings.word_embeddings.weight.normal_()
    return model.eval()


@pytest.fixture
def titles(encoder: BertModel) -> torch.Tensor:
    """The encoder's title vectors before training."""
    tokens = tokens_of_titles()
    with torch.no_grad():
        hidden = encoder(input_ids=tokens.token_ids, attention_mask=tokens.attention_mask).last_hidden_state
    counted = tokens.counted[..., None]
    return (hidden * counted).sum(dim=1) / counted.sum(dim=1)


def shape(dropout: float = 0.0) -> ModelShape:
    architecture = MoRecArchitecture(feed_forward_size=32, dropout=dropout, title_width=WIDTH)
    return ModelShape("morec", architecture, embedding_size=EMBEDDING, items=ITEMS, maximum_history=5)


def built(encoder: BertModel, titles: torch.Tensor, compared: ComparedItems = "all", dropout: float = 0.0) -> Any:
    torch.manual_seed(0)
    tuning = EncoderTuning(learning_rate=0.002, compared_items=compared)
    return untrained_model_with_encoder(shape(dropout), titles, copy.deepcopy(encoder), tokens_of_titles(), tuning)


@pytest.fixture
def batch(ring: Any) -> PaddedSequences:
    return pad_sequences(ring.sequences, ITEMS, 5).rows(slice(0, 6))


def test_it_begins_as_the_frozen_one(encoder: BertModel, titles: torch.Tensor, batch: PaddedSequences) -> None:
    torch.manual_seed(0)
    frozen, trained = untrained_model(shape(), titles), built(encoder, titles)
    torch.testing.assert_close(trained.eval().item_embedding.weight, frozen.eval().item_embedding.weight)
    for mode in (True, False):
        losses = [training_loss(model.train(mode), batch) for model in (frozen, trained)]
        torch.testing.assert_close(*losses)


@pytest.mark.parametrize("compared", ["all", "batch"])
def test_gradients_reach_the_encoder(
    encoder: BertModel, titles: torch.Tensor, batch: PaddedSequences, compared: ComparedItems
) -> None:
    model = built(encoder, titles, compared).train()
    training_loss(model, batch).backward()
    inner = model.item_embedding.encoder
    assert all(
        parameter.grad is not None and parameter.grad.abs().sum() > 0
        for name, parameter in inner.named_parameters()
        if "key.bias" not in name  # attention does not depend on it
    )
    assert model.item_embedding.linear.weight.grad.abs().sum() > 0
    touched = inner.embeddings.word_embeddings.weight.grad[3 : 3 + ITEMS].abs().sum(dim=1) > 0
    used = {int(item) - FIRST_ITEM for item in torch.cat([batch.histories.flatten(), batch.targets]) if item}
    expected = set(range(ITEMS)) if compared == "all" else used
    assert len(used) < ITEMS and set(touched.nonzero().flatten().tolist()) == expected


def test_the_batchs_loss_is_the_softmax_over_its_items(
    encoder: BertModel, titles: torch.Tensor, batch: PaddedSequences
) -> None:
    found = training_loss(built(encoder, titles, "batch").train(), batch)
    scores = all_item_scores(built(encoder, titles).eval(), batch)
    used = torch.cat([torch.tensor([0]), batch.histories.flatten(), batch.targets]).unique()
    expected = torch.nn.functional.cross_entropy(scores[:, used], torch.searchsorted(used, batch.targets))
    torch.testing.assert_close(found, expected)


class WordEmbeddings(torch.nn.Module):
    """An encoder that, unlike BERT, does not inspect the values of the mask."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(28, WIDTH)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        return SimpleNamespace(last_hidden_state=self.table(input_ids) * attention_mask[..., None])


def test_what_is_read_goes_where_the_model_is(titles: torch.Tensor, batch: PaddedSequences) -> None:
    """The meta device stands in for a GPU: an operation on tensors of two devices fails on both."""
    tuning = EncoderTuning(learning_rate=0.002, compared_items="all")
    model = untrained_model_with_encoder(shape(), titles, WordEmbeddings(), tokens_of_titles(), tuning)
    model.to("meta").train()
    loss = training_loss(model, batch)
    loss.backward()
    assert loss.device.type == "meta"
    assert all(parameter.grad is not None for parameter in model.parameters())
    model.eval()
    assert represent(model, batch).device.type == model.item_embedding.weight.device.type == "meta"


def test_titles_are_encoded_once_for_a_loss(encoder: BertModel, titles: torch.Tensor, batch: PaddedSequences) -> None:
    model = built(encoder, titles).train()
    calls: list[int] = []
    model.item_embedding.encoder.register_forward_hook(lambda *_: calls.append(1))
    training_loss(model, batch)
    assert len(calls) == 1
    sequence_representations(model, batch)
    item_embeddings(model)
    training_loss(model, batch)
    assert len(calls) == 2  # for all three, since the mode is not set between them
    with pytest.raises(RuntimeError, match="one loss at a time"):
        _ = model.train().item_embedding.weight


def test_the_encoder_has_a_learning_rate_of_its_own_and_no_l2(encoder: BertModel, titles: torch.Tensor) -> None:
    model = built(encoder, titles)
    rest, of_encoder = optimizer_for(model, learning_rate=0.01, weight_decay=0.1).param_groups
    assert (rest["lr"], rest["weight_decay"]) == (0.01, 0.1)
    assert (of_encoder["lr"], of_encoder["weight_decay"]) == (0.002, 0.0)
    ids = [id(parameter) for group in (rest, of_encoder) for parameter in group["params"]]
    assert sorted(ids) == sorted(map(id, model.parameters())) and len(set(ids)) == len(ids)
    assert {id(parameter) for parameter in of_encoder["params"]} == set(
        map(id, model.item_embedding.encoder.parameters())
    )


@pytest.fixture
def trained(ring: Any, encoder: BertModel, titles: torch.Tensor, settings: TrainingSettings) -> Any:
    training = pad_sequences(ring.sequences.filter(pc.equal(ring.sequences["split"], "train")), ITEMS, 5)
    validation = validation_sets(ring.sequences, ring.candidates, items=ITEMS, maximum_history=5)
    model, _ = train(lambda: built(encoder, titles, dropout=0.1), training, validation, settings, seed=1)
    assert hit_ratio(model, validation) > hit_ratio(built(encoder, titles).eval(), validation)
    return model


def test_training_changes_the_encoder_and_is_repeated_exactly(
    ring: Any, encoder: BertModel, titles: torch.Tensor, settings: TrainingSettings, trained: Any
) -> None:
    before, after = encoder.state_dict(), trained.item_embedding.encoder.state_dict()
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert {"embeddings.word_embeddings.weight", "encoder.layer.0.output.dense.weight"} <= set(changed)
    linear_alone = untrained_model(shape(), titles)
    linear_alone.item_embedding.linear = trained.item_embedding.linear
    assert not torch.allclose(linear_alone.item_embedding.weight, trained.item_embedding.weight, atol=1e-3)
    training = pad_sequences(ring.sequences.filter(pc.equal(ring.sequences["split"], "train")), ITEMS, 5)
    validation = validation_sets(ring.sequences, ring.candidates, items=ITEMS, maximum_history=5)
    again, _ = train(lambda: built(encoder, titles, dropout=0.1), training, validation, settings, seed=1)
    assert all(torch.equal(again.state_dict()[name], value) for name, value in trained.state_dict().items())


def test_what_is_left_scores_alike_and_loads_without_the_encoder(ring: Any, trained: Any, tmp_path: Path) -> None:
    sequences = pad_sequences(ring.sequences, ITEMS, 5)
    with torch.no_grad():
        expected = all_item_scores(trained.eval(), sequences)
    model, plain_shape = plain_model(trained, shape(0.1))
    save_model(model, plain_shape, tmp_path / "model.safetensors")
    loaded, loaded_shape = load_model(tmp_path / "model.safetensors")
    assert not isinstance(loaded.item_embedding, EncodedTitles) and loaded_shape == plain_shape
    assert torch.equal(torch.from_numpy(item_embeddings(loaded)), torch.from_numpy(item_embeddings(trained)))
    candidates = candidate_matrix(ring.candidates)
    rows = ring.candidates["sequence_id"].to_numpy().copy()
    exported = score_candidates(sequence_representations(loaded, sequences)[rows], item_embeddings(loaded), candidates)
    scores = torch.take_along_dim(expected[torch.from_numpy(rows)], torch.tensor(candidates).long() + 1, dim=1)
    torch.testing.assert_close(torch.from_numpy(exported).float(), scores, rtol=1e-4, atol=1e-5)

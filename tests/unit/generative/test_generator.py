from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ilora.artifacts.errors import ArtifactError
from ilora.artifacts.tensors import write_tensors
from ilora.configuration.sections.generative import GeneratorValues
from ilora.data.sequences import sequence_table
from ilora.generative.examples import IdExamples, ShuffledExamples, collate
from ilora.generative.generator import Generator, GeneratorShape
from ilora.generative.quantisation import Quantisation
from ilora.generative.semantic_ids import SemanticIds
from ilora.generative.storage import load_generator, load_ids, save_generator, save_ids
from ilora.generative.training import (
    GENERATOR_LOG,
    TrainedGenerator,
    generator_log_table,
    total_steps,
    train_generator,
)
from ilora.generative.vocabulary import Vocabulary
from ilora.llm.training.checkpoints import Checkpointing

MakeGenerator = Callable[..., Generator]


def test_every_code_of_every_level_and_every_user_has_a_token_of_its_own() -> None:
    vocabulary = Vocabulary((4, 6, 2), user_tokens=5)
    assert vocabulary.offsets == (1, 5, 11) and vocabulary.first_user == 13 and len(vocabulary) == 18
    assert vocabulary.levels.tolist() == [0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 4, 4, 4, 4, 4]
    tokens = {vocabulary.user_token(str(user))[0] for user in range(100)}
    assert tokens == set(range(13, 18))
    assert vocabulary.user_token("7") == vocabulary.user_token("7")
    assert Vocabulary((4, 6, 2)).user_token("7") == []


def test_an_example_is_the_latest_items_of_the_history_and_the_target(ring: Any, ids: SemanticIds) -> None:
    sequences = sequence_table(ring.sequences)
    vocabulary = Vocabulary(ids.sizes, user_tokens=5)
    tokens = vocabulary.item_tokens(ids)
    row = 8
    example = IdExamples(sequences, np.array([row]), tokens, vocabulary, maximum_history=2)[0]
    user = vocabulary.user_token(sequences.keys[row].raw_user_id)
    latest = sequences.histories[row][-2:]
    assert example.input_ids == user + [token for item in latest for token in tokens[item].tolist()]
    assert example.labels == tokens[sequences.targets[row]].tolist()


def test_ids_of_another_vocabulary_are_refused(ids: SemanticIds) -> None:
    with pytest.raises(ValueError, match=r"found ids with levels of \(4, 6, 2\) codes, expected \(4, 6\)"):
        Vocabulary((4, 6)).item_tokens(ids)


def test_every_pass_meets_every_example_once_in_an_order_of_its_own(ring: Any, ids: SemanticIds) -> None:
    vocabulary = Vocabulary(ids.sizes)
    examples = IdExamples(
        sequence_table(ring.sequences), np.arange(20), vocabulary.item_tokens(ids), vocabulary, maximum_history=2
    )
    shuffled = ShuffledExamples(examples, 45, seed=3)
    met = [tuple(shuffled[place].input_ids) for place in range(45)]
    expected = sorted(tuple(examples[place].input_ids) for place in range(20))
    assert sorted(met[:20]) == sorted(met[20:40]) == expected
    assert met[:20] != met[20:40]
    assert met == [tuple(ShuffledExamples(examples, 45, seed=3)[place].input_ids) for place in range(45)]


@pytest.mark.parametrize("options", [{}, {"user_tokens": 3, "level_embedding": True, "position_embedding": True}])
def test_a_saved_generator_and_saved_ids_are_read_back(
    options: dict[str, Any], tmp_path: Path, make_generator: MakeGenerator, ids: SemanticIds
) -> None:
    model = make_generator(**options)
    save_generator(model, tmp_path / "generator.safetensors")
    loaded = load_generator(tmp_path / "generator.safetensors")
    assert loaded.shape == model.shape
    batch = {"input_ids": torch.tensor([[1, 5, 11]]), "attention_mask": torch.ones(1, 3, dtype=torch.int64)}
    labels = torch.tensor([[2, 6, 12]])
    assert torch.equal(loaded(**batch, labels=labels)["logits"], model(**batch, labels=labels)["logits"])

    save_ids(ids, Quantisation(ids.codes, (torch.ones(4, 2),)), tmp_path / "ids.safetensors")
    found = load_ids(tmp_path / "ids.safetensors")
    assert torch.equal(found.codes, ids.codes)
    assert (found.levels, found.sizes) == (ids.levels, ids.sizes)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    write_tensors({"codes": torch.ones(2, 2)}, tmp_path / "other.safetensors")
    with pytest.raises(ArtifactError, match="does not contain semantic ids"):
        load_ids(tmp_path / "other.safetensors")
    with pytest.raises(ArtifactError, match="does not contain a generator"):
        load_generator(tmp_path / "other.safetensors")


def test_level_and_position_embeddings_are_read_only_where_they_are_wanted(make_generator: MakeGenerator) -> None:
    plain = make_generator()
    named = make_generator(level_embedding=True, position_embedding=True)
    names = {name for name, _ in named.named_parameters()} - {name for name, _ in plain.named_parameters()}
    assert names == {"t5.shared.level.weight", "position.weight"}
    batch = collate_of([[1, 5, 11, 2, 6, 12]], [[3, 7, 11]])
    before = named(**batch)["logits"]
    for name in names:
        with torch.no_grad():
            dict(named.named_parameters())[name].mul_(3.0)
        after = named(**batch)["logits"]
        assert not torch.allclose(before, after), name
        before = after


def collate_of(histories: list[list[int]], labels: list[list[int]]) -> dict[str, torch.Tensor]:
    read = torch.tensor(histories)
    return {"input_ids": read, "attention_mask": torch.ones_like(read), "labels": torch.tensor(labels)}


def test_the_widths_of_the_paper_give_fewer_weights_than_it_states() -> None:
    """TIGER, section 4.1: "around 13 million" with 2,000 users and 4 levels of 256, which the stated widths yield."""
    shape = GeneratorShape(Vocabulary((256,) * 4, 2000), GeneratorValues(), False, False)
    with torch.device("meta"):
        model = Generator(shape)
    attention, feed_forward, norm = 4 * 128 * 384, 2 * 128 * 1024, 128
    encoder, decoder = attention + feed_forward + 2 * norm, 2 * attention + feed_forward + 3 * norm
    positions = 2 * 32 * 6
    expected = (1 + 4 * 256 + 2000) * 128 + 4 * (encoder + decoder) + 2 * norm + positions
    assert sum(parameter.numel() for parameter in model.parameters()) == expected == 4_846_848


def test_training_is_a_pure_function_of_its_seed_and_learns(
    ring: Any, ids: SemanticIds, make_shape: Callable[..., GeneratorShape], tmp_path: Path
) -> None:
    shape = make_shape(epochs=2, learning_rate=0.02, validation_every=5)
    sequences = sequence_table(ring.sequences)

    def trained(name: str) -> TrainedGenerator:
        checkpointing = Checkpointing(tmp_path / name, every=1000)
        return train_generator(shape, sequences, ids, seed=1, description="training", checkpointing=checkpointing)

    torch.manual_seed(5)
    first = trained("first")
    torch.manual_seed(6)
    again = trained("again")
    for name, parameter in first.model.named_parameters():
        assert torch.equal(parameter, dict(again.model.named_parameters())[name]), name
    table = generator_log_table(first.log)
    assert table.schema == GENERATOR_LOG
    losses = table.column("validation_loss").drop_null().to_pylist()
    assert len(losses) > 3 and losses[-1] < losses[0]
    last = table.to_pylist()[-1]
    assert last["step"] == total_steps(shape, 30 * 9) == 17, "the last step is measured, too"
    assert last["validation_loss"] == losses[-1] and last["epoch"] == pytest.approx(2.0, abs=0.1)
    assert not first.model.training


def test_a_collated_batch_says_what_is_padding(ring: Any, ids: SemanticIds) -> None:
    vocabulary = Vocabulary(ids.sizes)
    examples = IdExamples(
        sequence_table(ring.sequences), np.arange(9), vocabulary.item_tokens(ids), vocabulary, maximum_history=5
    )
    batch = collate([examples[0], examples[8]])
    assert batch["input_ids"].shape == (2, 15) and batch["labels"].shape == (2, 3)
    assert batch["attention_mask"].sum(dim=1).tolist() == [9, 15], "histories of 3 and of 5 items"
    assert ((batch["input_ids"] == 0) == (batch["attention_mask"] == 0)).all()

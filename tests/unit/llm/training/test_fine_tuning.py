"""Fine-tuning examples, a short fine-tuning, and adapters on disk."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import PeftModel
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from ilora.adapters.labels import IGNORED_LABEL
from ilora.adapters.storage import read_gate
from ilora.artifacts.errors import ArtifactError
from ilora.configuration.sections.finetuning_values import FinetuningValues
from ilora.configuration.tuning import AdapterShape, MethodKind, TuningSettings
from ilora.data.sequences import SequenceTable
from ilora.datasets.register import DATASETS
from ilora.llm.model.adapter import attach_adapter, load_adapter, save_adapter
from ilora.llm.model.collation import Collator
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.model.item_vectors import encoder_item_vectors
from ilora.llm.model.projector import Projector
from ilora.llm.prompts.builder import NO_ITEM, PromptBuilder, PromptStyle
from ilora.llm.training.fine_tuning import FineTuningExamples, fine_tune
from ilora.llm.training.gate_inputs import method_gate_inputs
from ilora.methods.declaration import AdapterKind
from small_tuning import SMALL_TUNING, small_adapter, with_values

TITLES = ["Alien", "The Ape", "The Ape II", "Brazil", "Casino", "Dune", "Emma", "Fargo"]
SETTINGS = with_values(SMALL_TUNING, snapshots=(2, 4))
SMALL_ADAPTER = small_adapter()
REPRESENTATIONS = np.random.default_rng(0).standard_normal((4, 4)).astype(np.float32)


def examples(
    sequences: SequenceTable, builder: PromptBuilder, settings: TuningSettings = SETTINGS
) -> FineTuningExamples:
    return FineTuningExamples(sequences, builder, REPRESENTATIONS, settings)


def model(llama: LlamaForCausalLM, shape: AdapterShape, seed: int = 1) -> HybridLanguageModel:
    torch.manual_seed(5)
    vectors = torch.randn(8, 4)
    frozen = llama.requires_grad_(False)
    attached = attach_adapter(frozen, Projector(4, 32), vectors, shape, 4, seed)
    if attached.instance_wise is not None:
        attached.instance_wise.gate.standardisation.fit(torch.from_numpy(REPRESENTATIONS[:2]))
    return attached


def test_each_pass_meets_every_training_sequence_once(sequences: SequenceTable, builder: PromptBuilder) -> None:
    drawn = examples(sequences, builder)
    assert len(drawn) == 12
    for begin in range(0, 12, 2):
        met = [drawn[position].gate_input for position in (begin, begin + 1)]
        assert sorted(z.tobytes() for z in met if z is not None) == sorted(z.tobytes() for z in REPRESENTATIONS[:2])


def test_only_the_answer_is_labelled_and_candidates_change_with_each_pass(
    sequences: SequenceTable, builder: PromptBuilder
) -> None:
    drawn = examples(sequences, builder)
    prompts = set()
    for position in range(12):
        example = drawn[position]
        labelled = [label for label in example.labels if label != IGNORED_LABEL]
        assert labelled in (builder.answer(3), builder.answer(4))
        assert list(example.token_ids[-len(labelled) :]) == labelled
        prompts.add(tuple(example.token_ids))
    assert len(prompts) > 2


def test_an_example_can_be_had_by_its_sequence(sequences: SequenceTable, builder: PromptBuilder) -> None:
    drawn = examples(sequences, builder)
    first_pass = {tuple(drawn[position].token_ids) for position in (0, 1)}
    assert {tuple(drawn.example(row, 0).token_ids) for row in (0, 1)} == first_pass
    assert drawn.example(0, 0).token_ids != drawn.example(0, 1).token_ids
    assert set(drawn.example(0, 0, text_only=True).behaviour) == {NO_ITEM}


def test_curriculum_goes_from_placeholders_to_behaviour_tokens(
    sequences: SequenceTable, builder: PromptBuilder
) -> None:
    drawn = examples(sequences, builder, with_values(SETTINGS, curriculum=True, steps=1000))
    hybrid = [any(index != NO_ITEM for index in drawn[position].behaviour) for position in range(0, 2000, 2)]
    # Expected fractions: 1/8 in the first quarter of the steps, 7/8 in the last.
    assert sum(hybrid[:250]) / 250 == pytest.approx(1 / 8, abs=0.08)
    assert sum(hybrid[-250:]) / 250 == pytest.approx(7 / 8, abs=0.08)


@pytest.mark.parametrize("adapter", ["uniform", "instance_wise"])
def test_tuning_is_a_function_of_its_seed_and_changes_what_it_should(
    tokenizer: PreTrainedTokenizerFast,
    llama: LlamaForCausalLM,
    sequences: SequenceTable,
    builder: PromptBuilder,
    adapter: AdapterKind,
) -> None:
    base = {name: tensor.clone() for name, tensor in llama.state_dict().items()}
    shape = small_adapter(adapter)
    states = []
    for seed in (1, 1, 2):
        settings = SETTINGS.model_copy(update={"seed": seed})
        llama_again = type(llama)(llama.config)
        llama_again.load_state_dict(base)
        tuned = model(llama_again, shape, seed)
        snapshots: list[int] = []
        log = fine_tune(tuned, examples(sequences, builder, settings), snapshots.append)
        assert snapshots == [2, 4]
        assert [row.step for row in log] == [1, 2, 3, 4, 5, 6]
        assert all(row.loss is not None and np.isfinite(row.loss) for row in log)
        states.append({name: tensor.clone() for name, tensor in tuned.state_dict().items()})
    first, same, other = states
    assert all(torch.equal(first[name], same[name]) for name in first)
    changed = {name for name in first if not torch.equal(first[name], other[name])}
    assert any("lora_B" in name for name in changed)
    assert not any("base_layer" in name or "embed_tokens" in name for name in changed)
    for name, tensor in base.items():
        tuned_name = next(key for key in first if key.replace(".base_layer", "").endswith(name))
        assert torch.equal(first[tuned_name], tensor)


def test_an_adapter_comes_back_from_disk_bit_for_bit(
    tmp_path: Path, llama: LlamaForCausalLM, sequences: SequenceTable, builder: PromptBuilder
) -> None:
    base = {name: tensor.clone() for name, tensor in llama.state_dict().items()}
    tuned = model(llama, SMALL_ADAPTER)
    data = examples(sequences, builder)
    fine_tune(tuned, data, lambda step: None)
    save_adapter(tuned, SMALL_ADAPTER, tmp_path)
    fresh = type(llama)(llama.config)
    fresh.load_state_dict({name: base[name] for name in base})
    loaded = load_adapter(fresh, tuned.item_vectors, SMALL_ADAPTER, tmp_path)
    batch = Collator(0)([data[0], data[1]])
    with torch.no_grad():
        assert torch.equal(tuned.eval()(**batch)["loss"], loaded.eval()(**batch)["loss"])
    z = torch.from_numpy(REPRESENTATIONS)
    assert tuned.instance_wise is not None
    assert torch.equal(read_gate(tmp_path)[0](z), tuned.instance_wise.gate(z))
    assert json.loads((tmp_path / "adapter_config.json").read_text())["base_model_name_or_path"] is None


def test_an_adapter_for_text_alone_has_no_projector_and_comes_back(
    tmp_path: Path, llama: LlamaForCausalLM, sequences: SequenceTable, tokenizer: PreTrainedTokenizerFast
) -> None:
    base = {name: tensor.clone() for name, tensor in llama.state_dict().items()}
    shape = AdapterShape(FinetuningValues(r=8, lora_alpha=16.0), MethodKind(prompt="text", adapter="uniform"))
    assert (shape.experts, shape.item_vectors) == (None, None)
    builder = PromptBuilder(tokenizer, TITLES, PromptStyle("history_first", "none"), DATASETS["movielens"].wording)
    data = FineTuningExamples(sequences, builder, None, SETTINGS)
    tuned = attach_adapter(llama.requires_grad_(False), None, None, shape, 4, seed=1)
    fine_tune(tuned, data, lambda step: None)
    save_adapter(tuned, shape, tmp_path)
    files = {"adapter_config.json", "adapter_model.safetensors", "ilora.json"}
    assert {path.name for path in tmp_path.iterdir()} == files
    fresh = type(llama)(llama.config)
    fresh.load_state_dict(base)
    loaded = load_adapter(fresh, None, shape, tmp_path)
    batch = Collator(0)([data[0], data[1]])
    untuned = HybridLanguageModel(type(llama)(llama.config).eval())
    untuned.language_model.load_state_dict(base)
    with torch.no_grad():
        assert torch.equal(tuned.eval()(**batch)["loss"], loaded(**batch)["loss"])
        assert loaded(**batch)["loss"] < untuned(**batch)["loss"]


def test_a_hybrid_prompt_needs_the_vectors_of_an_encoder(sequences: SequenceTable) -> None:
    shape = AdapterShape(FinetuningValues(), MethodKind(prompt="hybrid", adapter="instance_wise"))
    with pytest.raises(ValueError, match="found no sequence encoder, expected the item embeddings"):
        encoder_item_vectors(None, shape.item_vectors)
    with pytest.raises(ValueError, match="found no sequence encoder, expected the representations"):
        method_gate_inputs(shape, None, sequences, seed=1)


def test_peft_reads_what_the_workflow_writes(tmp_path: Path, llama: LlamaForCausalLM) -> None:
    base = {name: tensor.clone() for name, tensor in llama.state_dict().items()}
    kinds: list[tuple[AdapterKind, str]] = [("uniform", "uniform"), ("instance_wise", "gated")]
    for adapter, name in kinds:
        fresh = type(llama)(llama.config)
        fresh.load_state_dict(base)
        shape = small_adapter(adapter)
        folder = tmp_path / name
        folder.mkdir()
        save_adapter(model(fresh, shape), shape, folder)
    for adapter, name in kinds:
        read: Any = PeftModel.from_pretrained(copy.deepcopy(llama), str(tmp_path / name))
        assert read.peft_config["default"].r == 4
        assert hasattr(read.base_model, "gates") == (adapter == "instance_wise")


def test_an_adapter_of_other_settings_or_damaged_is_refused(tmp_path: Path, llama: LlamaForCausalLM) -> None:
    tuned = model(llama, SMALL_ADAPTER)
    save_adapter(tuned, SMALL_ADAPTER, tmp_path)
    with pytest.raises(ValueError, match=r"other settings \(experts\)"):
        load_adapter(llama, tuned.item_vectors, small_adapter(experts=4), tmp_path)
    gate = tmp_path / "adapter_model.safetensors"
    gate.write_bytes(gate.read_bytes()[:-4])
    with pytest.raises(ArtifactError, match=r"adapter_model\.safetensors"):
        load_adapter(llama, tuned.item_vectors, SMALL_ADAPTER, tmp_path)


def test_epochs_become_steps_and_late_snapshots_are_refused(sequences: SequenceTable, builder: PromptBuilder) -> None:
    values = {"batch_size": 128, "steps": None, "epochs": 5.0}
    assert FinetuningValues.read(values).total_steps(64_196) == 2508
    # Two training sequences: five passes fit into one step.
    with pytest.raises(ValueError, match=r"found \[250\], expected steps up to the last one, 1"):
        examples(sequences, builder, with_values(SMALL_TUNING, **values, snapshots=[250]))


def test_an_adapter_of_an_earlier_version_is_read_by_its_earlier_names(tmp_path: Path, llama: LlamaForCausalLM) -> None:
    fresh = copy.deepcopy(llama)
    tuned = model(llama, SMALL_ADAPTER)
    save_adapter(tuned, SMALL_ADAPTER, tmp_path)
    shape = json.loads((tmp_path / "ilora.json").read_text())
    earlier = {new: old for old, new in FinetuningValues.RENAMED.items()}
    renamed = {earlier.get(key, key): value for key, value in shape.items()}
    assert {"rank", "alpha", "dropout", "guidance"} <= renamed.keys()
    (tmp_path / "ilora.json").write_text(json.dumps(renamed))
    loaded = load_adapter(fresh, tuned.item_vectors, SMALL_ADAPTER, tmp_path)
    assert loaded.instance_wise is not None


def test_settings_in_a_provenance_of_an_earlier_version_are_read() -> None:
    recorded = SMALL_TUNING.model_dump(mode="json")
    earlier = {new: old for old, new in FinetuningValues.RENAMED.items()}
    recorded["finetuning"] = {earlier.get(key, key): value for key, value in recorded["finetuning"].items()}
    assert TuningSettings.read_recorded(recorded) == SMALL_TUNING

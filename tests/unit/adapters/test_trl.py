"""TRL's SFTTrainer, if it is installed; the project itself does not need it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel, get_peft_model

from ilora.adapters import InstanceWiseLoraConfig, WithRepresentations
from tiny_models import config, random_sequences, representations, tiny_model
from tiny_tokenizers import chat_tokenizer

trl = pytest.importorskip("trl", reason="not run: TRL is not installed (pip install trl)")
datasets = pytest.importorskip("datasets", reason="not run: datasets is not installed (pip install trl)")
pytestmark = pytest.mark.filterwarnings("ignore")

LENGTHS = [5, 3, 4, 5, 2, 5, 3, 4]


def settings(**gate: Any) -> InstanceWiseLoraConfig:
    return InstanceWiseLoraConfig(r=8, target_modules=["q_proj", "down_proj"], instance_wise=config(4, **gate))


def rows(with_z: bool = True) -> Any:
    columns: dict[str, Any] = {"input_ids": [sequence.tolist() for sequence in random_sequences(LENGTHS)]}
    return datasets.Dataset.from_dict(
        columns | ({"sequence_representations": representations(8).tolist()} if with_z else {})
    )


def trainer(model: Any, folder: Path, peft_config: Any = None, with_z: bool = True, **options: Any) -> Any:
    fixed: dict[str, Any] = {"max_steps": 4, "save_steps": 2, "per_device_train_batch_size": 2, "seed": 3}
    given = {"remove_unused_columns": False, "learning_rate": 0.01, **options}
    arguments = trl.SFTConfig(str(folder), report_to=[], use_cpu=True, bf16=False, disable_tqdm=True, **fixed, **given)
    collator = trl.trainer.sft_trainer.DataCollatorForLanguageModeling(pad_token_id=0)
    return trl.SFTTrainer(
        model,
        arguments,
        train_dataset=rows(with_z),
        data_collator=WithRepresentations(collator) if with_z else collator,
        processing_class=chat_tokenizer("qwen"),
        peft_config=peft_config,
    )


def weights(model: PeftModel) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.named_parameters() if tensor.requires_grad}


@pytest.mark.parametrize("made_by", ["SFTTrainer", "get_peft_model"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_it_trains_adapter_and_gate_and_goes_on_from_a_checkpoint(
    made_by: str, checkpointing: bool, tmp_path: Path
) -> None:
    def fresh() -> Any:
        base = tiny_model(vocab_size=320)
        torch.manual_seed(1)
        by_trl = made_by == "SFTTrainer"
        return trainer(
            base if by_trl else get_peft_model(base, settings()),
            tmp_path,
            settings() if by_trl else None,
            gradient_checkpointing=checkpointing,
        )

    whole = fresh()
    start = weights(whole.model)
    whole.train()
    resumed = fresh()
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    found = weights(resumed.model)
    assert len(found) == 2 * 2 * 2 + 1
    for name, expected in weights(whole.model).items():
        assert torch.equal(found[name], expected)
        assert not torch.equal(start[name], expected)
    again = PeftModel.from_pretrained(tiny_model(vocab_size=320), str(tmp_path / "checkpoint-4"))
    assert again.gate_config == config(4)


def test_its_loss_is_the_models_own_with_the_representations_of_the_rows(tmp_path: Path) -> None:
    running = trainer(get_peft_model(tiny_model(vocab_size=320), settings()), tmp_path)
    with torch.no_grad():
        for parameter in running.model.parameters():
            if parameter.requires_grad:
                parameter.normal_(std=0.3, generator=torch.Generator().manual_seed(0))
    batch = running.data_collator([running.train_dataset[row] for row in (0, 1)])
    with torch.no_grad():
        found = running.compute_loss(running.model, dict(batch))
        expected = running.model(**batch).loss
        other = running.model(**{**batch, "sequence_representations": representations(2, seed=9)}).loss
    torch.testing.assert_close(found, expected)
    assert not torch.allclose(expected, other)


def test_columns_that_it_drops_are_missed_by_name(tmp_path: Path) -> None:
    running = trainer(tiny_model(vocab_size=320), tmp_path, settings(), remove_unused_columns=True)
    with pytest.raises(ValueError, match=r"sequence_representations: found rows .*remove_unused_columns=False"):
        running.train()


def test_a_gate_that_reads_the_tokens_needs_nothing_besides(tmp_path: Path) -> None:
    running = trainer(
        tiny_model(vocab_size=320), tmp_path, settings(gate_input="constant"), with_z=False, remove_unused_columns=True
    )
    start = weights(running.model)
    running.train()
    assert not any(torch.equal(start[name], found) for name, found in weights(running.model).items())

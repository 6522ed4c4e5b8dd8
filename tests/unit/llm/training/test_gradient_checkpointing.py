"""transformers' Trainer learns the same with and without gradient checkpointing."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Trainer, TrainingArguments

from hybrid_models import ITEMS, Adapter, hybrid_model
from ilora.adapters.labels import IGNORED_LABEL
from ilora.llm.model.collation import Collator, TrainingExample
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.builder import NO_ITEM
from tiny_models import representations

VOCABULARY, STEPS, LAYERS = 30, 3, 4
#: The last layer is computed at few positions, and never recomputed.
CHECKPOINTED = LAYERS - 1
RECOMPUTED: dict[str, Any] = {"activation_checkpointing": True}


def examples(gated: bool) -> list[TrainingExample]:
    """Eight sequences of eight tokens, of which the second is a behaviour token and the last two are labelled."""
    generator = torch.Generator().manual_seed(4)
    gate_inputs = representations(8, 1).float().numpy()
    rows = torch.randint(1, VOCABULARY, (8, 8), generator=generator).tolist()
    return [
        TrainingExample(
            token_ids=row,
            behaviour=[NO_ITEM, number % ITEMS, *[NO_ITEM] * 6],
            labels=[*[IGNORED_LABEL] * 6, *row[6:]],
            gate_input=gate_inputs[number] if gated else None,
        )
        for number, row in enumerate(rows)
    ]


Trained = tuple[list[float], int, HybridLanguageModel]


def trained(adapter: Adapter, folder: Path, **checkpointing: Any) -> Trained:
    """Return the loss of each step, the number of layer calls, and the trained model."""
    model = hybrid_model(adapter, VOCABULARY, dtype=torch.float32, num_hidden_layers=LAYERS)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name or "gate." in name or name.startswith("projector"))
    runs: list[int] = []
    for layer in model.causal_model.model.layers:
        layer.mlp.register_forward_pre_hook(lambda *_: runs.append(1))
    trainer = Trainer(
        model,
        TrainingArguments(
            str(folder),
            max_steps=STEPS,
            per_device_train_batch_size=4,
            learning_rate=0.05,
            logging_steps=1,
            logging_nan_inf_filter=False,
            save_strategy="no",
            report_to="none",
            use_cpu=True,
            disable_tqdm=True,
            remove_unused_columns=False,
            **checkpointing,
        ),
        train_dataset=examples(adapter == "instance_wise"),
        data_collator=Collator(0),
    )
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return losses, len(runs), model


@pytest.fixture(scope="module", params=["uniform", "instance_wise"])
def adapter_and_plain(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Adapter, Trained]:
    """An adapter, and the result of its training without checkpointing."""
    return request.param, trained(request.param, tmp_path_factory.mktemp("plain"))


@pytest.mark.parametrize(
    ("checkpointing", "recomputed"),
    [
        pytest.param(
            {"gradient_checkpointing": True},
            CHECKPOINTED,
            # The name in earlier versions of transformers.
            marks=pytest.mark.filterwarnings("ignore:`gradient_checkpointing` is deprecated:FutureWarning"),
        ),
        ({**RECOMPUTED, "activation_checkpointing_kwargs": {"every_n_layers": 2}}, LAYERS // 2),
        pytest.param(RECOMPUTED, CHECKPOINTED, marks=pytest.mark.slow),
        pytest.param(
            {**RECOMPUTED, "activation_checkpointing_kwargs": {"preserve_rng_state": True}},
            CHECKPOINTED,
            marks=pytest.mark.slow,
        ),
    ],
)
def test_losses_and_weights_are_the_same(
    tmp_path: Path, adapter_and_plain: tuple[Adapter, Trained], checkpointing: dict[str, Any], recomputed: int
) -> None:
    adapter, (plain, runs, model) = adapter_and_plain
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*only defines `gradient_checkpointing_enable`")
        again, runs_again, checkpointed = trained(adapter, tmp_path, **checkpointing)
    assert again == plain and len(plain) == STEPS and plain[0] != plain[-1]
    assert (runs, runs_again) == (LAYERS * STEPS, (LAYERS + recomputed) * STEPS)
    assert all(
        torch.equal(tensor, other)
        for tensor, other in zip(model.state_dict().values(), checkpointed.state_dict().values(), strict=True)
    )


def test_an_instance_wise_adapter_refuses_recomputation_that_would_lose_its_gates() -> None:
    with pytest.raises(ValueError, match="use_reentrant"):
        hybrid_model("instance_wise", VOCABULARY).activation_checkpointing_enable({"use_reentrant": True})

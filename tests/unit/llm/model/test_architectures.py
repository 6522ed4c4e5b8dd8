"""Tuning, saving, loading and inference of every architecture, with both adapters and both kinds of prompt."""

import logging
from pathlib import Path
from typing import get_args

import numpy as np
import pyarrow as pa
import pytest
import torch

from ilora.artifacts.schemas import CANDIDATES
from ilora.configuration.sections.backbone import BackboneSource
from ilora.configuration.sections.decoding import DecodingSection
from ilora.configuration.sections.finetuning_values import FinetuningValues
from ilora.configuration.tuning import AdapterShape, MethodKind
from ilora.data.sequences import SequenceTable
from ilora.datasets.register import DATASETS
from ilora.evaluation.intervals import IntervalSettings
from ilora.evaluation.metrics import measure_run
from ilora.layout import Run
from ilora.llm.inference.predicting import PromptedModel, predict
from ilora.llm.model.adapter import attach_adapter, load_adapter, save_adapter
from ilora.llm.model.backbones import BackboneError, load_causal_model
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.model.projector import fresh_projector
from ilora.llm.prompts.builder import PromptBuilder, PromptStyle, Template
from ilora.llm.prompts.context import context_window
from ilora.llm.training.fine_tuning import FineTuningExamples, fine_tune
from ilora.methods.declaration import AdapterKind
from ilora.predictions.building import written_predictions
from ilora.predictions.checking import check_predictions
from ilora.predictions.schema import PREDICTIONS
from small_tuning import SMALL_TUNING, with_values
from tiny_models import ARCHITECTURES, HIDDEN, tiny_model
from tiny_tokenizers import TITLES, chat_tokenizer

LOGGER = logging.getLogger("test")
#: The chat template of each architecture's models.
CHAT_TEMPLATES = {
    "llama": "llama_3",
    "mistral": "llama_2",
    "qwen2": "qwen",
    "qwen3": "qwen",
    "gemma2": "gemma",
    "gemma3": "gemma",
}
TUNING = with_values(
    SMALL_TUNING, learning_rate=0.02, projector_learning_rate=0.02, gate_learning_rate=0.02, log_every=1
)
GENERATOR = torch.Generator().manual_seed(0)
ITEM_VECTORS, REPRESENTATIONS = torch.randn(8, 4, generator=GENERATOR), torch.randn(4, 4, generator=GENERATOR)
ASKED = [(2, 0, [7, 1, 2]), (2, 1, [0, 7, 3]), (3, 0, [4, 1, 2])]
#: Each architecture with each adapter and each kind of prompt, covering most pairs.
CASES = [
    (kind, adapter, template)
    for number, kind in enumerate(ARCHITECTURES)
    for adapter, template in zip(
        ("uniform", "instance_wise"), get_args(Template)[:: 1 if number % 2 else -1], strict=True
    )
]


def backbone(kind: str, vocabulary_size: int) -> torch.nn.Module:
    """Return the same frozen model in each call; its window is shorter than a prompt."""
    tied = kind in ("qwen3", "gemma2", "gemma3")
    model = tiny_model(kind, vocab_size=vocabulary_size, sliding_window=24, tie_word_embeddings=tied)
    return model.requires_grad_(False).eval()


@pytest.mark.parametrize(("kind", "adapter", "template"), CASES)
def test_what_was_tuned_comes_back_from_disk_and_answers_the_same(
    tmp_path: Path,
    sequences: SequenceTable,
    cut: pa.Table,
    kind: str,
    adapter: AdapterKind,
    template: Template,
) -> None:
    tokenizer = chat_tokenizer(CHAT_TEMPLATES[kind])
    causal_model = backbone(kind, len(tokenizer))
    style = PromptStyle("history_first", "after_title", template)
    builder = PromptBuilder(tokenizer, TITLES, style, DATASETS["movielens"].wording, context_window(causal_model, 12))
    shape = AdapterShape(FinetuningValues(item_vectors="raw"), MethodKind(prompt="hybrid", adapter=adapter))
    projector = fresh_projector(ITEM_VECTORS, causal_model, seed=1)
    model = attach_adapter(causal_model, projector, ITEM_VECTORS, shape, REPRESENTATIONS.shape[1], seed=1)
    if model.instance_wise is not None:
        model.instance_wise.gate.standardisation.fit(REPRESENTATIONS[:2])
    examples = FineTuningExamples(sequences, builder, REPRESENTATIONS.numpy(), TUNING)
    log = fine_tune(model, examples, lambda step: None)
    losses = [row.loss for row in log if row.loss is not None]
    assert losses[-1] < 0.9 * losses[0]  # each step has the same two sequences

    folder = tmp_path / "adapter"
    folder.mkdir()
    save_adapter(model, shape, folder)
    loaded = load_adapter(backbone(kind, len(tokenizer)), ITEM_VECTORS, shape, folder)

    method = "ilora" if adapter == "instance_wise" else "llara"

    def predicted(asked: HybridLanguageModel, batch_size: int, constrained: bool) -> pa.Table:
        rows = [dict(zip(("sequence_id", "draw", "candidates"), row, strict=True), hash="h") for row in ASKED]
        candidates = pa.Table.from_pylist(rows, schema=CANDIDATES)
        gate_inputs = REPRESENTATIONS if adapter == "instance_wise" else None
        decoding = DecodingSection(batch_size=batch_size, maximum_new_tokens=12, constrained=constrained)
        answers = predict(PromptedModel(asked, builder, kind), sequences, candidates, decoding, gate_inputs)
        return written_predictions(cut, candidates, answers.texts, TITLES, method, answers.scores)

    written = predicted(loaded, 4, constrained=False)
    assert predicted(model, 4, constrained=False).equals(written)  # bit for bit
    assert written.schema == PREDICTIONS
    check_predictions(written, "here")

    whole = predicted(loaded, 4, constrained=True)
    assert set(whole["text"].to_pylist()) <= set(TITLES) and whole["choice"].null_count == 0
    alone = predicted(loaded, 1, constrained=True)
    assert alone.drop(["scores"]).equals(whole.drop(["scores"]))
    np.testing.assert_allclose(alone["scores"].to_pylist(), whole["scores"].to_pylist(), rtol=0, atol=1e-3)
    run = Run("movielens", "random_users", method, kind, seed=1)
    metrics = measure_run(whole, run, TITLES, IntervalSettings(samples=100), "here").to_pylist()
    assert {row["value"] for row in metrics if row["metric"] == "valid_ratio"} == {1.0}


def test_layers_that_a_model_does_not_have_are_refused() -> None:
    """PEFT adapts the layers that it finds and silently ignores the others: Phi 3 has one layer for q, k and v."""
    values = FinetuningValues(target_modules=("q_proj", "qkv_proj", "gate_up_proj"))
    shape = AdapterShape(values, MethodKind(prompt="text", adapter="uniform"))
    with pytest.raises(ValueError, match="found qkv_proj, gate_up_proj, which Qwen3ForCausalLM does not have") as error:
        attach_adapter(tiny_model("qwen3"), None, None, shape, 4, seed=1)
    assert str(error.value).endswith("q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj")


def test_attention_that_a_model_does_not_have_is_refused(tmp_path: Path) -> None:
    tiny_model("gemma2").save_pretrained(tmp_path)
    with pytest.raises(
        BackboneError, match="backbone.attention is sdpa, which this model does not support. Set it to eager"
    ):
        load_causal_model(BackboneSource(name=str(tmp_path)))
    assert load_causal_model(BackboneSource(name=str(tmp_path), attention="eager")).config.hidden_size == HIDDEN

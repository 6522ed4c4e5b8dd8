"""A tuned adapter with everything needed to query it about a history outside a study."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ilora.artifacts.parquet import read_table
from ilora.artifacts.schemas import ITEMS
from ilora.artifacts.tensors import read_tensor
from ilora.configuration.sections.decoding import DecodingSection
from ilora.configuration.tuning import TuningSettings
from ilora.llm.hub.origin import read_origin
from ilora.llm.inference.generation import generate_answers
from ilora.llm.inference.likelihood import score_answers
from ilora.llm.inference.prompt_batches import PreparedPrompt
from ilora.llm.model.adapter import load_adapter
from ilora.llm.model.backbones import load_causal_model, load_tokenizer
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.model.item_vectors import prepare_item_vectors
from ilora.llm.prompts.builder import PromptBuilder, prompt_style
from ilora.llm.prompts.context import context_window
from ilora.predictions.choices import resolve_choice
from ilora.progress import Progress

_LOGGER = logging.getLogger(__name__)

#: Decoding of one prompt; a longer answer cannot be a title.
_DECODING = DecodingSection(batch_size=1, maximum_new_tokens=64)


@dataclass(frozen=True)
class Answer:
    """A model's answer.

    Attributes:
        text: generated text, up to its end.
        choice: item id of the candidate that the text names; None if it names none.
        shares: probability of each candidate's title, normalised over the candidates, float64 (candidates,).
        expert_weights: omega, float (K,); None without a gate.
    """

    text: str
    choice: int | None
    shares: NDArray[np.float64]
    expert_weights: list[float] | None


@dataclass(frozen=True)
class TunedMethod:
    """A tuned adapter loaded into its backbone.

    Attributes:
        titles: titles by item id.
        item_embeddings: item embeddings of the sequence encoder, float32 (items, d); None for a text-only method.
        recommender: file of the sequence encoder; None for a text-only method.
    """

    titles: list[str]
    item_embeddings: torch.Tensor | None
    recommender: Path | None
    model: HybridLanguageModel
    builder: PromptBuilder

    @property
    def reads_the_sequence(self) -> bool:
        """Whether the gate reads the representation of the history."""
        gated = self.model.instance_wise
        return gated is not None and gated.gate_config.gate_input == "sequence_representation"

    def ask(self, history: Sequence[int], candidates: Sequence[int], representation: torch.Tensor | None) -> Answer:
        """Return the model's answer for a history.

        Args:
            history: item ids, oldest first.
            candidates: item ids.
            representation: z of the history, float32 (1, d); None if nothing reads it.
        """
        gate_input = representation[0] if representation is not None and self.reads_the_sequence else None
        gated = self.model.instance_wise
        if gated is not None and gated.gate_config.gate_input == "constant":
            gate_input = gated.constant_gate_inputs(1)[0]
        prompt = PreparedPrompt(self.builder.prompt(history, candidates), gate_input)
        answers = [self.builder.answer(item) for item in candidates]
        # If the prompt does not list the candidates, decoding is constrained to them.
        possible = [answers] if self.builder.style.candidates == "none" else None
        with Progress(1, "answering", _LOGGER) as progress:
            (text,) = generate_answers(self.model, self.builder, [prompt], _DECODING, progress, possible)
        with Progress(1, "scoring the candidates", _LOGGER) as progress:
            (scores,) = score_answers(self.model, [prompt], [answers], 1, progress)
        likelihoods = np.exp(scores.sums - scores.sums.max())
        weights = None
        if gated is not None and gate_input is not None:
            with torch.no_grad():
                weights = gated.gate(gate_input[None].to(self.model.causal_model.device)).squeeze(0).tolist()
        choice = resolve_choice(text, candidates, self.titles)
        return Answer(text, choice, likelihoods / likelihoods.sum(), weights)


def load_tuned_method(adapter: Path) -> TunedMethod:
    """Load an adapter that the workflow tuned, with the inputs recorded in its provenance.

    Args:
        adapter: folder of the adapter, ``.../adapter``.

    Raises:
        FileNotFoundError, ilora.artifacts.errors.ArtifactError: if a file is missing, damaged or not the recorded one.
        ValueError: if the gate reads an input that a new history does not have, as in some ablations.
    """
    origin = read_origin(adapter)
    settings = TuningSettings.read_recorded(origin.config)
    shape = settings.shape
    if shape.experts is not None and shape.values.gate_input in ("random_initialized", "shuffled"):
        raise ValueError(
            f"{adapter}: its gate reads {shape.values.gate_input} vectors, which do not exist for a new history"
        )
    catalogue, embeddings = origin.find("items.parquet"), origin.find("item_embeddings.safetensors")
    assert catalogue is not None  # every method reads titles
    vectors = None if embeddings is None else read_tensor(embeddings, "item_embeddings")
    record = settings.backbone.record
    found = {
        "name": origin.backbone_folder(settings.backbone.name),
        "record": None if record is None else str(origin.find(Path(record).name)),
    }
    source = settings.backbone.model_copy(update=found)
    tokenizer, titles = load_tokenizer(source), read_table(catalogue, ITEMS)["title"].to_pylist()
    prepared = None
    if vectors is not None and shape.item_vectors is not None:
        prepared = prepare_item_vectors(vectors, shape.item_vectors)
    model = load_adapter(load_causal_model(source), prepared, shape, adapter)
    builder = PromptBuilder(
        tokenizer,
        titles,
        prompt_style(settings.prompt, settings.kind.prompt, settings.finetuning.prompt_texts),
        settings.wording,
        context_window(model.causal_model, _DECODING.maximum_new_tokens),
    )
    recommender = None if embeddings is None else embeddings.with_name("model.safetensors")
    return TunedMethod(titles, vectors, recommender, model, builder)

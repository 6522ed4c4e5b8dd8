"""A tuned adapter with everything that it needs to answer for a history outside of the study."""

import io
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
from ilora.llm.inference.answer_trie import Answers
from ilora.llm.inference.generation import generate_answers
from ilora.llm.inference.likelihood import score_answers
from ilora.llm.inference.prompt_batches import PreparedPrompt
from ilora.llm.model.adapter import load_adapter
from ilora.llm.model.backbones import load_causal_model, load_tokenizer
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.model.item_vectors import prepare_item_vectors
from ilora.llm.prompts.builder import PromptBuilder, prompt_style
from ilora.llm.prompts.context import context_window
from ilora.progress import Progress

_LOGGER = logging.getLogger(__name__)

#: Decoding of one prompt; a longer answer cannot be a title.
_DECODING = DecodingSection(batch_size=1, maximum_new_tokens=64)


@dataclass(frozen=True)
class Answer:
    """How likely a model finds each candidate.

    Attributes:
        shares: probability of each candidate's title among those of all candidates, float64 [candidates], sum 1.
        expert_weights: omega, float [K]; None without a gate.
    """

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

    def rank(self, history: Sequence[int], candidates: Sequence[int], representation: torch.Tensor | None) -> Answer:
        """Return how likely the model finds each candidate.

        Args:
            history: item ids, oldest first.
            candidates: item ids.
            representation: z of the history, float32 [1, d]; None where nothing reads it.
        """
        prompt, answers = self._prompt(history, candidates, representation), self._answers(candidates)
        (scores,) = score_answers(self.model, [prompt], [answers], 1, _unseen_progress())
        likelihoods = np.exp(scores.sums - scores.sums.max())
        weights, gated = None, self.model.instance_wise
        if gated is not None and prompt.gate_input is not None:
            with torch.no_grad():
                weights = gated.gate(prompt.gate_input[None].to(self.model.causal_model.device)).squeeze(0).tolist()
        return Answer(likelihoods / likelihoods.sum(), weights)

    def write(self, history: Sequence[int], candidates: Sequence[int], representation: torch.Tensor | None) -> str:
        """Return what the model writes when nothing restricts it to the candidates; arguments as of `rank`."""
        prompt = self._prompt(history, candidates, representation)
        # A prompt without candidates leaves the model to write any title: only theirs are allowed.
        possible = [self._answers(candidates)] if self.builder.style.candidates == "none" else None
        (text,) = generate_answers(self.model, self.builder, [prompt], _DECODING, _unseen_progress(), possible)
        return text

    def _prompt(
        self, history: Sequence[int], candidates: Sequence[int], representation: torch.Tensor | None
    ) -> PreparedPrompt:
        gate_input = representation[0] if representation is not None and self.reads_the_sequence else None
        gated = self.model.instance_wise
        if gated is not None and gated.gate_config.gate_input == "constant":
            gate_input = gated.constant_gate_inputs(1)[0]
        return PreparedPrompt(self.builder.prompt(history, candidates), gate_input)

    def _answers(self, candidates: Sequence[int]) -> Answers:
        return [self.builder.answer(item) for item in candidates]


def _unseen_progress() -> Progress:
    """Return the progress of a single prompt, which is over too soon to be shown."""
    return Progress(1, "answering", _LOGGER, stream=io.StringIO())


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

"""A causal language model that reads hybrid prompts, with or without an instance-wise adapter."""

from typing import Any

import torch
from torch import nn

from ilora.adapters import ExpertWeights, Gate
from ilora.llm.projector import Projector
from ilora.llm.prompts import NO_ITEM

IGNORED_LABEL = -100


class HybridLanguageModel(nn.Module):
    """Behaviour tokens in, answers out.

    Args:
        language_model: a transformers causal model, plain or with PEFT's LoRA layers injected (``PeftModel``).
        projector: makes behaviour tokens; None for text-only prompts.
        item_vectors: (items, d), what the projector reads; None where every batch brings its own.
        gate: makes expert weights from the sequence representation; None for uniform LoRA or no adapter.
        expert_weights: what the gated LoRA layers of ``language_model`` read; goes with ``gate``.

    Raises:
        ValueError: if only one of ``gate`` and ``expert_weights`` is given.
    """

    item_vectors: torch.Tensor

    def __init__(
        self,
        language_model: nn.Module,
        projector: Projector | None = None,
        item_vectors: torch.Tensor | None = None,
        gate: Gate | None = None,
        expert_weights: ExpertWeights | None = None,
    ) -> None:
        super().__init__()
        if (gate is None) != (expert_weights is None):
            raise ValueError("a gate needs the expert weights of gated LoRA layers, and these need a gate")
        self.language_model = language_model
        self.projector = projector
        self.gate = gate
        self._expert_weights = expert_weights
        self.register_buffer("item_vectors", item_vectors, persistent=False)

    @property
    def causal_model(self) -> Any:
        """The transformers model inside, its LoRA layers included."""
        inner = getattr(self.language_model, "get_base_model", None)
        return self.language_model if inner is None else inner()

    def embed(
        self, input_ids: torch.Tensor, behaviour: torch.Tensor, behaviour_vectors: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Embed a batch: words by the model's table, behaviour tokens by the projector.

        Args:
            input_ids: int64 (batch, tokens).
            behaviour: int64 (batch, tokens): row of the item vectors behind a behaviour token, NO_ITEM elsewhere.
            behaviour_vectors: (rows, d), read instead of ``item_vectors`` when given.

        Returns:
            (batch, tokens, h) in the dtype of the word embeddings.
        """
        embeddings = self.causal_model.get_input_embeddings()(input_ids)
        places = behaviour != NO_ITEM
        if self.projector is None or not places.any():
            return embeddings
        vectors = self.item_vectors if behaviour_vectors is None else behaviour_vectors
        tokens = self.projector(vectors[behaviour[places]]).to(embeddings.dtype)
        return embeddings.masked_scatter(places[..., None], tokens)

    def set_expert_weights(self, sequence_representations: torch.Tensor | None) -> None:
        """Gate the adapter for the sequences of the batch to come; z is (batch, d). Nothing to do without a gate.

        Raises:
            ValueError: if the model has a gate and there is no z.
        """
        if self.gate is None or self._expert_weights is None:
            return
        if sequence_representations is None:
            raise ValueError("an instance-wise adapter needs the sequence representations of its batch")
        self._expert_weights.set(self.gate(sequence_representations))

    def forward(
        self,
        input_ids: torch.Tensor,
        behaviour: torch.Tensor,
        labels: torch.Tensor,
        sequence_representations: torch.Tensor | None = None,
        behaviour_vectors: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """Give the mean cross-entropy (Eq. 2) over the labelled tokens of a right-padded batch.

        A causal model never looks at padding on the right, so no attention mask is needed; logits are computed at
        labelled positions only, which is most of the saving in memory and time.

        Args:
            input_ids: int64 (batch, tokens).
            behaviour: int64 (batch, tokens), see `embed`.
            labels: int64 (batch, tokens), IGNORED_LABEL where nothing is to be learnt.
            sequence_representations: float (batch, d), needed by a gate.
            behaviour_vectors: see `embed`.

        Returns:
            ``loss``: scalar.
        """
        self.set_expert_weights(sequence_representations)
        embeddings = self.embed(input_ids, behaviour, behaviour_vectors)
        decoder = self.causal_model.get_decoder()
        hidden = decoder(inputs_embeds=embeddings, use_cache=False).last_hidden_state
        targets = labels[:, 1:]
        labelled = targets != IGNORED_LABEL
        logits = self.causal_model.get_output_embeddings()(hidden[:, :-1][labelled])
        return {"loss": nn.functional.cross_entropy(logits.float(), targets[labelled])}

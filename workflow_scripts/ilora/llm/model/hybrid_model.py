"""A causal language model that reads hybrid prompts, with or without an instance-wise adapter."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from peft import PeftModel
from torch import nn

from ilora.adapters import InstanceWiseLoraModel
from ilora.adapters.gate_inputs import collapse_tokens
from ilora.adapters.labels import IGNORED_LABEL
from ilora.llm.model.last_layer import at_places, can_restrict, last_layer_at
from ilora.llm.model.projector import Projector
from ilora.llm.prompts.builder import NO_ITEM


class HybridLanguageModel(nn.Module):
    """A causal language model with a projector for behaviour tokens.

    Args:
        language_model: transformers causal model, plain or with PEFT's LoRA layers (``PeftModel``), which may be
            gated.
        projector: projector that computes behaviour tokens; None for text-only prompts.
        item_vectors: inputs of the projector, float (items, d); None if every batch brings its own.
    """

    #: Tells transformers' Trainer that `forward` takes ``num_items_in_batch``.
    accepts_loss_kwargs = True

    item_vectors: torch.Tensor

    def __init__(
        self,
        language_model: nn.Module,
        projector: Projector | None = None,
        item_vectors: torch.Tensor | None = None,
    ) -> None:
        super().__init__()
        self.language_model = language_model
        self.projector = projector
        self.register_buffer("item_vectors", item_vectors, persistent=False)

    @property
    def instance_wise(self) -> InstanceWiseLoraModel | None:
        """The instance-wise tuner, or None if the adapter is not instance-wise."""
        tuner = self.language_model.base_model if isinstance(self.language_model, PeftModel) else None
        return tuner if isinstance(tuner, InstanceWiseLoraModel) else None

    @property
    def causal_model(self) -> Any:
        """The inner transformers model, including its LoRA layers."""
        return (
            self.language_model.get_base_model() if isinstance(self.language_model, PeftModel) else self.language_model
        )

    def embed(
        self, input_ids: torch.Tensor, behaviour: torch.Tensor, behaviour_vectors: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Embed a batch: words with the model's embedding table, behaviour tokens with the projector.

        Args:
            input_ids: int64 (batch, tokens).
            behaviour: row of the item vectors for each behaviour token, NO_ITEM elsewhere, int64 (batch, tokens).
            behaviour_vectors: item vectors to use instead of ``item_vectors``, float (rows, d).

        Returns:
            Embeddings (batch, tokens, h) in the dtype of the word embeddings.
        """
        embeddings = self.causal_model.get_input_embeddings()(input_ids)
        places = behaviour != NO_ITEM
        if self.projector is None or not places.any():
            return embeddings
        vectors = self.item_vectors if behaviour_vectors is None else behaviour_vectors
        tokens = self.projector(vectors[behaviour[places]]).to(embeddings.dtype)
        return embeddings.masked_scatter(places[..., None], tokens)

    def gated(
        self, gate_inputs: torch.Tensor | None, embeddings: torch.Tensor, prompt_tokens: torch.Tensor
    ) -> AbstractContextManager[None]:
        """Return a context in which the gates of these rows are open; without a gate, it is a no-op.

        Args:
            gate_inputs: gate inputs, float (batch, width); None if the gate reads the tokens.
            embeddings: embeddings of the batch, as returned by `embed`.
            prompt_tokens: mask of the tokens that are neither padding nor answer, bool (batch, tokens).

        Raises:
            ValueError: if the gate needs inputs and ``gate_inputs`` is None.
        """
        if self.instance_wise is None:
            return nullcontext()
        if self.instance_wise.gate_config.gate_input == "token_collapsed":
            gate_inputs = collapse_tokens(embeddings, prompt_tokens)
        if gate_inputs is None:
            raise ValueError("gate_inputs: found None, expected one row for each sequence")
        return self.instance_wise.gated(gate_inputs)

    def activation_checkpointing_enable(
        self, activation_checkpointing_kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        """Enable gradient checkpointing, including the gates.

        transformers' Trainer calls this method.

        Args:
            activation_checkpointing_kwargs: arguments of `torch.utils.checkpoint.checkpoint`.
            options: options of the installed transformers, such as ``every_n_layers`` and ``offload``.

        Raises:
            ValueError: if reentrant checkpointing is requested for an instance-wise adapter.
        """
        asked = {"use_reentrant": False, **(activation_checkpointing_kwargs or {})}
        if self.instance_wise is not None:
            self.instance_wise.gradient_checkpointing_enable(asked, **options)
            return
        # Later versions of transformers have this name and warn about the other.
        newer = getattr(self.causal_model, "activation_checkpointing_enable", None)
        (newer or self.causal_model.gradient_checkpointing_enable)(asked, **options)

    def gradient_checkpointing_enable(
        self, gradient_checkpointing_kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        """Call `activation_checkpointing_enable`; earlier versions of transformers use this name."""
        self.activation_checkpointing_enable(gradient_checkpointing_kwargs, **options)

    def logits(
        self, embeddings: torch.Tensor, places: torch.Tensor, choose: Callable[[torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        """Return the logits at selected positions of a batch that is padded on the right or not at all.

        They include the model's own post-processing: Gemma 2 caps logits, Granite and Cohere scale them.

        Args:
            embeddings: (batch, tokens, h), as returned by `embed`.
            places: positions in each row, int64 (batch, places).
            choose: function that selects states, (positions, h), from the last hidden states at ``places``,
                (batch, places, h).

        Returns:
            Logits, (positions, vocabulary).
        """
        model, head = self.causal_model, self.causal_model.get_output_embeddings()
        is_restricted = can_restrict(model, tokens=embeddings.shape[1], places=places.shape[1])

        def choose_first(module: nn.Module, inputs: tuple[torch.Tensor]) -> torch.Tensor:
            states = inputs[0] if is_restricted else at_places(inputs[0], places)
            return choose(states)[None]

        hook = head.register_forward_pre_hook(choose_first)
        try:
            with last_layer_at(model, places) if is_restricted else nullcontext():
                logits: torch.Tensor = model(inputs_embeds=embeddings, use_cache=False).logits
        finally:
            hook.remove()
        return logits[0]

    def forward(
        self,
        input_ids: torch.Tensor,
        behaviour: torch.Tensor,
        labels: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        gate_inputs: torch.Tensor | None = None,
        behaviour_vectors: torch.Tensor | None = None,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """Return the mean cross-entropy (Eq. 2) over the labelled tokens of a right-padded batch.

        A causal model never attends to padding on the right, so attention needs no mask. Logits, and everything that
        only they depend on, are computed at labelled positions only, which saves most of the memory and time.

        Args:
            input_ids: int64 (batch, tokens).
            behaviour: int64 (batch, tokens), see `embed`.
            labels: int64 (batch, tokens), IGNORED_LABEL for tokens without loss.
            attention_mask: int64 (batch, tokens), 0 at padding; read by a gate whose input is the tokens.
            gate_inputs: see `gated`.
            behaviour_vectors: see `embed`.
            num_items_in_batch: number of labelled tokens of the whole optimizer step. The loss is divided by it, so
                that a step does not depend on how it is divided into batches and processes. None if this batch is the
                whole step.

        Returns:
            ``loss``: scalar.
        """
        embeddings = self.embed(input_ids, behaviour, behaviour_vectors)
        counted = labels == IGNORED_LABEL
        if attention_mask is not None:
            counted &= attention_mask.bool()
        targets = labels[:, 1:]
        labelled = targets != IGNORED_LABEL
        places, is_place = _places(labelled)
        with self.gated(gate_inputs, embeddings, counted):
            logits = self.logits(embeddings, places, lambda hidden: hidden[is_place])
        total = nn.functional.cross_entropy(logits.float(), targets[labelled], reduction="sum")
        return {"loss": total / (labelled.sum() if num_items_in_batch is None else num_items_in_batch)}


def _places(chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the chosen positions of each row, in order.

    Args:
        chosen: bool (rows, tokens).

    Returns:
        Positions, int64 (rows, places), as many as the row with the most chosen positions has, filled up with others;
        and a mask of the chosen ones, bool (rows, places).
    """
    count = int(chosen.sum(dim=1).max())
    places = chosen.int().argsort(dim=1, descending=True, stable=True)[:, :count]
    return places, chosen.gather(1, places)

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
    """Behaviour tokens in, answers out.

    Args:
        language_model: a transformers causal model, plain or with PEFT's LoRA layers (``PeftModel``), which may be
            gated.
        projector: makes behaviour tokens; None for text-only prompts.
        item_vectors: (items, d), what the projector reads; None where every batch brings its own.
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
        """The gated model, if the adapter is instance-wise."""
        tuner = self.language_model.base_model if isinstance(self.language_model, PeftModel) else None
        return tuner if isinstance(tuner, InstanceWiseLoraModel) else None

    @property
    def causal_model(self) -> Any:
        """The transformers model inside, its LoRA layers included."""
        return (
            self.language_model.get_base_model() if isinstance(self.language_model, PeftModel) else self.language_model
        )

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

    def gated(
        self, gate_inputs: torch.Tensor | None, embeddings: torch.Tensor, prompt_tokens: torch.Tensor
    ) -> AbstractContextManager[None]:
        """Give a context in which the adapter is that of these rows; one that does nothing without a gate.

        Args:
            gate_inputs: float (batch, width), what the gate reads; None where it reads the tokens.
            embeddings: of the batch, as `embed` gives them.
            prompt_tokens: bool (batch, tokens), neither padding nor answer.

        Raises:
            ValueError: if the gate is to be given what it reads and there is none.
        """
        if self.instance_wise is None:
            return nullcontext()
        if self.instance_wise.gate_config.gate_input == "token_collapsed":
            gate_inputs = collapse_tokens(embeddings, prompt_tokens)
        if gate_inputs is None:
            raise ValueError("gate_inputs: found None, expected what the gate reads, one row for each sequence")
        return self.instance_wise.gated(gate_inputs)

    def activation_checkpointing_enable(
        self, activation_checkpointing_kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        """Recompute layers in backward instead of keeping what they made; gates included.

        This is what transformers' Trainer calls.

        Args:
            activation_checkpointing_kwargs: for `torch.utils.checkpoint.checkpoint`.
            options: such as ``every_n_layers`` and ``offload``, of the installed transformers.

        Raises:
            ValueError: if the recomputation is asked to be re-entrant, which an instance-wise adapter refuses.
        """
        asked = {"use_reentrant": False, **(activation_checkpointing_kwargs or {})}
        if self.instance_wise is not None:
            self.instance_wise.gradient_checkpointing_enable(asked, **options)
            return
        # Its name in later versions of transformers, which warn of the other one.
        newer = getattr(self.causal_model, "activation_checkpointing_enable", None)
        (newer or self.causal_model.gradient_checkpointing_enable)(asked, **options)

    def gradient_checkpointing_enable(
        self, gradient_checkpointing_kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        """Do as `activation_checkpointing_enable`, by the name that earlier versions of transformers call."""
        self.activation_checkpointing_enable(gradient_checkpointing_kwargs, **options)

    def logits(
        self, embeddings: torch.Tensor, places: torch.Tensor, choose: Callable[[torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        """Give the logits at some positions of a batch that is padded on the right or not at all.

        They are the model's own, with all that it does to them: Gemma 2 caps them, Granite and Cohere scale them.

        Args:
            embeddings: (batch, tokens, h), as `embed` gives them.
            places: int64 (batch, places), positions of each row.
            choose: from the last hidden states there, (batch, places, h), to those of interest, (positions, h).

        Returns:
            (positions, vocabulary).
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
        """Give the mean cross-entropy (Eq. 2) over the labelled tokens of a right-padded batch.

        A causal model never looks at padding on the right, so attention needs no mask; logits are computed at labelled
        positions only, which is most of the saving in memory and time, and so is what no logits depend on.

        Args:
            input_ids: int64 (batch, tokens).
            behaviour: int64 (batch, tokens), see `embed`.
            labels: int64 (batch, tokens), IGNORED_LABEL where nothing is to be learnt.
            attention_mask: int64 (batch, tokens), 0 at padding; read by a gate whose input is the tokens.
            gate_inputs: see `gated`.
            behaviour_vectors: see `embed`.
            num_items_in_batch: labelled tokens of the whole optimizer step, by which the sum over this part of it is
                divided: the step is then the same in however many parts and processes it is computed. None where this
                batch is the whole.

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
    """Give the positions that are chosen in each row, in their order.

    Args:
        chosen: bool (rows, tokens).

    Returns:
        int64 (rows, places), as many as the row with most has, others where a row has fewer; bool of the same shape,
        which of them are chosen.
    """
    count = int(chosen.sum(dim=1).max())
    places = chosen.int().argsort(dim=1, descending=True, stable=True)[:, :count]
    return places, chosen.gather(1, places)

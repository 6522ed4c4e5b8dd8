"""Workloads for the adapters: Llama models of a given shape with random weights, and batches for them."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedModel

from ilora.backbone.architecture import BackboneShape

_EMBEDDED = BackboneShape()


@dataclass(frozen=True)
class Workload:
    """Shapes of a model and a batch; the defaults are those of Llama-2-7B.

    Attributes:
        batch: number of sequences.
        tokens: number of tokens per sequence.
        layers: number of decoder layers.
        hidden_size: width of the hidden states.
        intermediate_size: width inside the feed-forward blocks.
        heads: number of attention heads.
        key_value_heads: number of key and value heads; None for as many as attention heads.
        vocabulary_size: size of the vocabulary.
        tied_embeddings: whether the output layer shares the weights of the input embedding.
    """

    batch: int
    tokens: int
    layers: int = 32
    hidden_size: int = 4096
    intermediate_size: int = 11008
    heads: int = 32
    key_value_heads: int | None = None
    vocabulary_size: int = 32000
    tied_embeddings: bool = False

    def config(self) -> LlamaConfig:
        """Return the model's transformers configuration."""
        return LlamaConfig(
            vocab_size=self.vocabulary_size,
            hidden_size=self.hidden_size,
            intermediate_size=self.intermediate_size,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.key_value_heads or self.heads,
            tie_word_embeddings=self.tied_embeddings,
            use_cache=False,
        )


#: One decoder layer of Llama-2-7B with a minimal vocabulary, and a batch that takes two cores about a second.
LLAMA_2_7B_LAYER = Workload(batch=2, tokens=128, layers=1, vocabulary_size=32)
#: The same layer with the batch of a fine-tuning step on a GPU.
LLAMA_2_7B_LAYER_GPU = Workload(batch=8, tokens=400, layers=1, vocabulary_size=32)
#: The whole model.
LLAMA_2_7B_GPU = Workload(batch=8, tokens=400)
#: The backbone that the pipeline pretrains itself, in its default shape.
EMBEDDED = Workload(
    batch=16,
    tokens=170,
    layers=_EMBEDDED.layers,
    hidden_size=_EMBEDDED.hidden_size,
    intermediate_size=_EMBEDDED.intermediate_size,
    heads=_EMBEDDED.heads,
    vocabulary_size=6000,
    tied_embeddings=True,
)
#: SmolLM2-135M, the pretrained backbone of `studies/pretrained.yaml`; prompts of MovieLens have 256 of its tokens.
SMOLLM2_135M = Workload(
    batch=4,
    tokens=256,
    layers=30,
    hidden_size=576,
    intermediate_size=1536,
    heads=9,
    key_value_heads=3,
    vocabulary_size=49152,
    tied_embeddings=True,
)


def random_llama(workload: Workload, device: torch.device, dtype: torch.dtype) -> PreTrainedModel:
    """Return a model with random weights, in training mode."""
    torch.manual_seed(0)
    with device:
        model: PreTrainedModel = AutoModelForCausalLM.from_config(workload.config(), dtype=dtype)
    return model.train()


def twin(model: PreTrainedModel) -> PreTrainedModel:
    """Return a copy of a model that shares its weights, so that adapting one leaves the other unchanged."""
    return copy.deepcopy(model, {id(parameter): parameter for parameter in model.parameters()})


def random_inputs(workload: Workload, device: torch.device, dtype: torch.dtype) -> Mapping[str, Any]:
    """Return a batch of random input embeddings that require gradients, like those of a hybrid prompt.

    Logits are computed only for the last token, where the answer begins.
    """
    torch.manual_seed(1)
    shape = (workload.batch, workload.tokens, workload.hidden_size)
    embeddings = torch.randn(shape, device=device, dtype=dtype, requires_grad=True)
    return {"inputs_embeds": embeddings, "logits_to_keep": 1, "use_cache": False}

"""Language models for hybrid prompts, with adapters that change their output."""

from typing import Any, Literal

import torch
from torch import nn

from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.model.projector import Projector
from tiny_models import WIDTH, config, instance_wise, plain_lora, tiny_model

Adapter = Literal["none", "uniform", "instance_wise", "token_collapsed"]

ITEMS = 8


def hybrid_model(
    adapter: Adapter, vocabulary_size: int, kind: str = "llama", dtype: torch.dtype = torch.float64, **settings: Any
) -> HybridLanguageModel:
    """Return a random model of eight items; its gate reads `tiny_models.representations`, or the tokens.

    Args:
        adapter: uniform LoRA, an instance-wise one, or none.
        vocabulary_size: of the tokenizer.
        kind: of language model, as `tiny_models.tiny_model` knows it.
        dtype: of all weights.
        settings: of the language model's configuration.
    """
    base = tiny_model(kind, dtype=dtype, vocab_size=vocabulary_size, **settings)
    hidden = base.config.hidden_size
    model: nn.Module = base
    if adapter == "uniform":
        model = plain_lora(base)
    elif adapter == "instance_wise":
        model = instance_wise(base, config(width=WIDTH))
    elif adapter == "token_collapsed":
        model = instance_wise(base, config(gate_input="token_collapsed"))
    torch.manual_seed(2)
    hybrid = HybridLanguageModel(model, Projector(4, hidden), torch.randn(ITEMS, 4))
    return hybrid.to(dtype).requires_grad_(False).eval()

"""The small Llama that is tuned on synthetic users: it is pretrained on the ring of items, not on any group's rule."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset
from transformers import LlamaConfig, LlamaForCausalLM

from ilora.artifacts.writing import atomic_path
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.training.loop import LogRow, LoopSettings, ParameterGroup, Schedule, train
from ilora.negative_transfer.batches import batch_of, the_batch
from ilora.negative_transfer.groups import largest_stride
from ilora.negative_transfer.vocabulary import Vocabulary

#: Number of tokens before the stride of a walk is determined: a name and two items.
_UNKNOWN = 3


@dataclass(frozen=True)
class RingBackboneSettings:
    """Shape and pretraining of the backbone; strides are those of all groups of the vocabulary, and one larger."""

    vocabulary: Vocabulary
    history: int
    seed: int
    steps: int
    hidden_size: int = 64
    layers: int = 2
    heads: int = 2
    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 0.01


class _Walks(Dataset[dict[str, torch.Tensor]]):
    """Batches of walks, one per step; a walk has a random name, a random first item and a constant stride."""

    def __init__(self, settings: RingBackboneSettings) -> None:
        self._settings = settings

    def __len__(self) -> int:
        return self._settings.steps

    def __getitem__(self, step: int) -> dict[str, torch.Tensor]:
        settings, vocabulary = self._settings, self._settings.vocabulary
        generator = np.random.default_rng([settings.seed, step])
        rows = (settings.batch_size, 1)
        furthest = largest_stride(vocabulary.groups) + 1
        strides = generator.choice([-1, 1], size=rows) * generator.integers(1, furthest + 1, size=rows)
        places = generator.integers(vocabulary.items, size=rows) + strides * np.arange(settings.history + 1)
        names = generator.integers(vocabulary.items, vocabulary.size, size=rows)
        tokens = np.concatenate([names, places % vocabulary.items], axis=1)
        return batch_of(tokens, tokens.shape[1] - _UNKNOWN)


def pretrain_ring_backbone(settings: RingBackboneSettings) -> tuple[LlamaForCausalLM, list[LogRow]]:
    """Train a Llama to continue walks around the ring with an observed stride, and return it with the log.

    Args:
        settings: settings of the model and its pretraining.
    """
    torch.manual_seed(settings.seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=settings.vocabulary.size,
            hidden_size=settings.hidden_size,
            intermediate_size=2 * settings.hidden_size,
            num_hidden_layers=settings.layers,
            num_attention_heads=settings.heads,
            max_position_embeddings=settings.history + 2,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=None,
        )
    )
    log = train(
        model=HybridLanguageModel(model),
        dataset=_Walks(settings),
        collate=the_batch,
        groups=[ParameterGroup(list(model.parameters()), settings.learning_rate, settings.weight_decay)],
        settings=LoopSettings(
            "pretraining on walks around the ring",
            Schedule(settings.steps, settings.steps // 20),
            batch_size=1,
            seed=settings.seed,
        ),
    )
    return model, log


def save_ring_backbone(model: LlamaForCausalLM, folder: Path) -> None:
    """Write the model atomically as a transformers model folder."""
    with atomic_path(folder) as temporary:
        model.save_pretrained(temporary)

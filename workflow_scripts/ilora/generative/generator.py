"""The generator: an encoder-decoder (T5) that reads a history of ids and generates the next one, token by token.

TIGER (arXiv 2305.05065, section 3.2) uses token embeddings only. CoFiRec (arXiv 2511.22707) adds embeddings of the
token's level and, in the encoder, of its position; in the decoder, which generates one id, position and level coincide.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import T5Config, T5ForConditionalGeneration

from ilora.configuration.sections.generative import GeneratorValues
from ilora.generative.vocabulary import PADDING, Vocabulary


@dataclass(frozen=True)
class GeneratorShape:
    """Everything needed to build a generator.

    Attributes:
        vocabulary: vocabulary of the generator.
        values: widths and depths.
        level_embedding: whether an embedding of the level is added to each token's embedding.
        position_embedding: whether an embedding of the position is added to each token's embedding in the encoder.
    """

    vocabulary: Vocabulary
    values: GeneratorValues
    level_embedding: bool
    position_embedding: bool

    @property
    def longest_input(self) -> int:
        """Number of tokens of the longest history, including the user's token."""
        return self.values.maximum_history * len(self.vocabulary.sizes) + (self.vocabulary.user_tokens > 0)

    def config(self) -> T5Config:
        """Return the T5 configuration; all ids have the same length, so there is no end token."""
        values = self.values
        options: dict[str, Any] = {
            "vocab_size": len(self.vocabulary),
            "d_model": values.width,
            "d_kv": values.head_size,
            "d_ff": values.feed_forward_size,
            "num_layers": values.layers,
            "num_decoder_layers": values.layers,
            "num_heads": values.heads,
            "dropout_rate": values.dropout,
            "pad_token_id": PADDING,
            "decoder_start_token_id": PADDING,
            "eos_token_id": None,
        }
        return T5Config(**options)


class TokenEmbedding(nn.Embedding):
    """Token embeddings plus level embeddings.

    Args:
        levels: level of each token, int64 (tokens,), see `Vocabulary.levels`.
        width: width of an embedding.
    """

    levels: torch.Tensor

    def __init__(self, levels: torch.Tensor, width: int) -> None:
        super().__init__(len(levels), width)
        self.level = nn.Embedding(int(levels.max()) + 1, width)
        self.register_buffer("levels", levels, persistent=False)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Look tokens up: (..., width) for token ids (...)."""
        return super().forward(input) + self.level(self.levels[input])


class Generator(nn.Module):
    """A T5 over semantic ids, initialised with torch's global random generator.

    Args:
        shape: see `GeneratorShape`.
    """

    def __init__(self, shape: GeneratorShape) -> None:
        super().__init__()
        self.shape = shape
        self.t5 = T5ForConditionalGeneration(shape.config())
        if shape.level_embedding:
            embedding = TokenEmbedding(shape.vocabulary.levels, shape.values.width)
            self.t5.set_input_embeddings(embedding)
            # Keep input and output embeddings tied.
            self.t5.lm_head.weight = embedding.weight
        self.position = nn.Embedding(shape.longest_input, shape.values.width) if shape.position_embedding else None

    def encode(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the encoder's output for histories, (rows, tokens, width).

        Args:
            input_ids: int64 (rows, tokens), padded on the right.
            attention_mask: int64 (rows, tokens), 0 at padding.
        """
        embeddings = self.t5.get_input_embeddings()(input_ids)
        if self.position is not None:
            embeddings = embeddings + self.position.weight[: input_ids.shape[1]]
        encoded: torch.Tensor = self.t5.encoder(
            inputs_embeds=embeddings, attention_mask=attention_mask
        ).last_hidden_state
        return encoded

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Return the ``loss``, the mean cross-entropy of the labels in nats, and ``logits`` over all tokens.

        Args:
            input_ids: int64 (rows, tokens), padded on the right.
            attention_mask: int64 (rows, tokens), 0 at padding.
            labels: tokens of the targets' ids, int64 (rows, levels).
        """
        encoded = self.encode(input_ids, attention_mask)
        output = self.t5(encoder_outputs=(encoded,), attention_mask=attention_mask, labels=labels)
        return {"loss": output.loss, "logits": output.logits}

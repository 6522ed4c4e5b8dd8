"""The generator: an encoder-decoder (T5) that reads a history of ids and writes the next one, token by token.

TIGER (arXiv 2305.05065, section 3.2) has the tokens alone. CoFiRec (arXiv 2511.22707) adds embeddings of the token's
level and, in the encoder, of its position; in the decoder, which writes one id, a token's position is its level.
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
    """What a generator is built from.

    Attributes:
        vocabulary: its tokens.
        values: widths and depths.
        level_embedding: whether each token's embedding has its level's added.
        position_embedding: whether the encoder's tokens have the embedding of their position added.
    """

    vocabulary: Vocabulary
    values: GeneratorValues
    level_embedding: bool
    position_embedding: bool

    @property
    def longest_input(self) -> int:
        """Tokens of the longest history, the user's among them."""
        return self.values.maximum_history * len(self.vocabulary.sizes) + (self.vocabulary.user_tokens > 0)

    def config(self) -> T5Config:
        """Return the T5 of this shape; its ids have one length, so that none of its tokens ends a sequence."""
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
    """Embeddings of tokens, with those of their levels added.

    Args:
        levels: what kind each token is of, int64 (tokens,), as `Vocabulary.levels` gives it.
        width: of an embedding.
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
    """A T5 from scratch over semantic ids; its weights come from torch's global random generator.

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
            # What is read and what is written share their embeddings, as before.
            self.t5.lm_head.weight = embedding.weight
        self.position = nn.Embedding(shape.longest_input, shape.values.width) if shape.position_embedding else None

    def encode(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return what the encoder makes of histories, (rows, tokens, width).

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
        """Return the ``loss``, mean cross-entropy in nats of the labels' tokens, and ``logits`` over all tokens.

        Args:
            input_ids: int64 (rows, tokens), padded on the right.
            attention_mask: int64 (rows, tokens), 0 at padding.
            labels: tokens of the targets' ids, int64 (rows, levels).
        """
        encoded = self.encode(input_ids, attention_mask)
        output = self.t5(encoder_outputs=(encoded,), attention_mask=attention_mask, labels=labels)
        return {"loss": output.loss, "logits": output.logits}

"""A hand-constructed initialisation of the embedded backbone: attention heads that compare and copy from step one.

A model this small does not learn these heads by itself within minutes of training, and without them it learns nothing
about the task. The weights of these heads are set by hand; everything else is random, and all weights are trained.

- Layer 0, head 0 attends to the previous token and writes it to its own subspace.
- Layer 0, head 1 acts at behaviour tokens and averages the recent ones. At the end of a prompt, this is the history.
- Layer 1, heads 0 and 1 look for a position whose previous token is similar to the content of the current position (a
  word: copy what followed it; a behaviour token: copy the title after the most similar one) and write the token at
  that position, each to its own subspace, because one head is too narrow to carry a word.

Two channels of the residual stream are reserved: channel 0 is constant, channel 1 marks behaviour tokens. A query or
key that reads only the constant channel, rotated by RoPE, yields a score that depends only on the distance. This is how
"the previous token" and "the recent ones" are expressed.
"""

import math
from dataclasses import dataclass

import torch
from transformers import LlamaForCausalLM

from ilora.llm.model.projector import Projector

CONSTANT, FLAG = 0, 1


@dataclass(frozen=True)
class Strengths:
    """Gains of the constructed heads, in units of the residual stream's initial scale or of attention scores."""

    embedding: float = 0.5
    final_norm: float = 0.2
    constant_channel: float = 4.0
    residual_output: float = 0.15
    previous_token_score: float = 6.0
    recent_score: float = 8.0
    flag_score: float = 8.0
    match: float = 4.0
    far_score: float = 8.0
    previous_token_output: float = 1.0
    recent_output: float = 2.0
    copy_output: float = 8.0
    background: float = 0.02


@torch.no_grad()
def construct(
    model: LlamaForCausalLM,
    projector: Projector,
    placeholder_token_id: int,
    seed: int,
    strengths: Strengths | None = None,
) -> None:
    """Initialise model and projector in place; ``seed`` determines all random numbers.

    Raises:
        ValueError: if the model has fewer than 2 layers or 2 heads.
    """
    strengths = strengths or Strengths()
    config = model.config
    if config.num_hidden_layers < 2 or config.num_attention_heads < 2:
        raise ValueError(
            "the constructed heads need at least 2 layers of 2 heads, found "
            f"{config.num_hidden_layers} layers of {config.num_attention_heads}"
        )
    generator = torch.Generator().manual_seed(seed)
    _draw_background(model, projector, strengths, generator)
    _reserve_channels(model, placeholder_token_id, strengths)
    _Heads(model, strengths, generator).write()
    _align_projector(model, projector, placeholder_token_id, strengths, generator)


def _draw_background(
    model: LlamaForCausalLM, projector: Projector, strengths: Strengths, generator: torch.Generator
) -> None:
    for name, parameter in model.named_parameters():
        if parameter.ndim != 2:
            continue
        deviation = strengths.embedding if "embed" in name else 1 / math.sqrt(parameter.shape[1])
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            deviation *= strengths.residual_output
        parameter.normal_(std=deviation, generator=generator)
    model.model.norm.weight.fill_(strengths.final_norm)
    for layer in (projector.expand, projector.contract):
        bound = 1 / math.sqrt(layer.in_features)
        layer.weight.uniform_(-bound, bound, generator=generator)
        layer.bias.uniform_(-bound, bound, generator=generator)


def _reserve_channels(model: LlamaForCausalLM, placeholder_token_id: int, strengths: Strengths) -> None:
    embeddings = model.model.embed_tokens.weight
    embeddings[:, CONSTANT] = strengths.constant_channel * strengths.embedding
    embeddings[:, FLAG] = 0.0
    placeholder = embeddings[placeholder_token_id]
    placeholder[2:] *= 0.6
    placeholder[FLAG] = 0.8 * strengths.embedding
    placeholder[CONSTANT] = 2.5 * strengths.embedding


def _align_projector(
    model: LlamaForCausalLM,
    projector: Projector,
    placeholder_token_id: int,
    strengths: Strengths,
    generator: torch.Generator,
) -> None:
    """Give behaviour tokens the norm and the constant channel of a word; otherwise attention ignores them."""
    weight, bias = projector.contract.weight, projector.contract.bias
    # 0.42 is approximately the root mean square of GELU's output for the outputs of `expand` at this scale.
    weight.normal_(std=0.8 * strengths.embedding / (0.42 * math.sqrt(weight.shape[0])), generator=generator)
    weight[:2] = 0.0
    bias.copy_(model.model.embed_tokens.weight[placeholder_token_id])
    bias[CONSTANT] = strengths.constant_channel * strengths.embedding
    bias[FLAG] = 2.0 * strengths.embedding


class _Heads:
    """Writes the constructed heads of the first two layers."""

    def __init__(self, model: LlamaForCausalLM, strengths: Strengths, generator: torch.Generator) -> None:
        config = model.config
        self.strengths = strengths
        self.generator = generator
        self.width = config.hidden_size
        self.head_width = config.hidden_size // config.num_attention_heads
        self.half = self.head_width // 2
        # Radians per position by which RoPE rotates each pair of channels.
        self.frequencies = model.model.rotary_emb.inv_freq.detach()
        self.first, self.second = (layer.self_attn for layer in model.model.layers[:2])
        # Values of the reserved channels of normalised words and behaviour tokens, as the first layer reads them.
        constant = strengths.constant_channel
        self.constant_of_word = constant / math.sqrt((constant**2 + self.width - 1) / self.width)
        self.flag_of_behaviour_token = 2 / math.sqrt((constant**2 + 4 + self.width - 2) / self.width)

    def write(self) -> None:
        shift, content, copied = self._rotation(), self._rotation(), self._rotation()
        content[:, :2] = 0.0
        copied[:, :2] = 0.0
        shift[:, :2] = 0.0
        shift[:2] = 0.0
        self._previous_token_head(shift, content)
        self._recent_behaviour_head(content)
        for head in (0, 1):
            self._match_and_copy_head(head, shift, content, copied)

    def _rotation(self) -> torch.Tensor:
        square = torch.randn(self.width, self.width, generator=self.generator)
        orthogonal, upper = torch.linalg.qr(square)
        return orthogonal * torch.sign(torch.diagonal(upper))

    def _background(self) -> torch.Tensor:
        noise = torch.randn(self.head_width, self.width, generator=self.generator) * self.strengths.background
        noise[:, :2] = 0.0
        return noise

    def _rows(self, head: int) -> slice:
        return slice(head * self.head_width, (head + 1) * self.head_width)

    def _per_pair(self, score: float, pairs: int | float) -> float:
        """Return the product of query and key gains for which ``pairs`` rotated pairs add up to ``score``."""
        return score * math.sqrt(self.head_width) / pairs

    def _previous_token_head(self, shift: torch.Tensor, content: torch.Tensor) -> None:
        strengths, rows = self.strengths, self._rows(0)
        fast = torch.arange(self.half)[self.frequencies > 0.05]
        drop = float((1 - torch.cos(self.frequencies[fast])).sum())
        gain = math.sqrt(self._per_pair(strengths.previous_token_score, drop)) / self.constant_of_word
        query, key = self._background(), self._background()
        # The query is rotated back by one position, so that the score peaks at distance 1.
        query[fast, CONSTANT] = gain * torch.cos(self.frequencies[fast])
        query[fast + self.half, CONSTANT] = -gain * torch.sin(self.frequencies[fast])
        key[fast, CONSTANT] = gain
        self.first.q_proj.weight[rows] = query
        self.first.k_proj.weight[rows] = key
        self.first.v_proj.weight[rows] = content[rows]
        output = strengths.previous_token_output * strengths.embedding * math.sqrt(2)
        self.first.o_proj.weight[:, rows] = output * (shift @ content[rows].T)

    def _recent_behaviour_head(self, content: torch.Tensor) -> None:
        strengths, rows = self.strengths, self._rows(1)
        recent = self._recent_pairs()
        still = torch.arange(self.half)[self.frequencies < 0.0005][:4]
        flag = self.flag_of_behaviour_token
        query, key = self._background(), self._background()
        for pairs, score in ((recent, strengths.recent_score), (still, strengths.flag_score)):
            gain = math.sqrt(self._per_pair(score, len(pairs))) / flag
            query[pairs, FLAG] = gain
            key[pairs, FLAG] = gain
        self.first.q_proj.weight[rows] = query
        self.first.k_proj.weight[rows] = key
        self.first.v_proj.weight[rows] = content[self._rows(0)]
        output = strengths.recent_output * strengths.embedding * math.sqrt(2)
        self.first.o_proj.weight[:, rows] = output * content[self._rows(0)].T

    def _match_and_copy_head(self, head: int, shift: torch.Tensor, content: torch.Tensor, copied: torch.Tensor) -> None:
        strengths, rows = self.strengths, self._rows(head)
        query = strengths.match * content[self._rows(0)]
        key = strengths.match * (content[self._rows(0)] @ shift.T)
        # From a behaviour token, prefer distant positions: the candidates come before the history.
        recent = self._recent_pairs()
        product = self._per_pair(strengths.far_score, len(recent))
        gain = math.sqrt(product / (self.flag_of_behaviour_token * self.constant_of_word))
        for pairs in (recent, recent + self.half):
            query[pairs] = 0.0
            key[pairs] = 0.0
        query[recent, FLAG] = gain
        key[recent, CONSTANT] = -gain
        self.second.q_proj.weight[rows] = query
        self.second.k_proj.weight[rows] = key
        self.second.v_proj.weight[rows] = copied[rows]
        self.second.o_proj.weight[:, rows] = copied[rows].T * strengths.copy_output * strengths.embedding

    def _recent_pairs(self) -> torch.Tensor:
        """Return the rotated pairs whose score decays over tens to hundreds of positions."""
        return torch.arange(self.half)[(self.frequencies < 0.04) & (self.frequencies > 0.004)]

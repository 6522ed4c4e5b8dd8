"""The cost of ranking all items by the likelihood of their titles, estimated before submission."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from transformers import AutoModelForCausalLM, PreTrainedConfig

from ilora.configuration.sections.backbone import BackboneSource
from ilora.llm.inference.catalogue_likelihood import check_sharing
from ilora.llm.inference.catalogue_tree import CatalogueTree
from ilora.llm.model.backbones import DTYPES, refusing_own_code
from ilora.llm.model.gpu_rates import PEAK_RATES, UTILISATION, hours_of
from ilora.llm.prompts.builder import TokenisedPrompt


@dataclass(frozen=True)
class BackboneShape:
    """The dimensions of a causal model that determine its cost.

    Attributes:
        body: number of weights in the matrices that process every token.
        vocabulary: number of rows of the output layer.
        hidden: width of the output layer.
        layers: number of attention layers.
        attended: total width of all heads' queries.
        cached: total width of all heads' keys.
        bytes: bytes per number.
    """

    body: int
    vocabulary: int
    hidden: int
    layers: int
    attended: int
    cached: int
    bytes: int

    @classmethod
    def of(cls, model: Any, source: BackboneSource) -> Self:
        """Return the dimensions of a transformers causal model; its weights are not read."""
        config, output = model.config, model.get_output_embeddings().weight
        ends = {id(output), id(model.get_input_embeddings().weight)}
        heads = config.num_attention_heads
        width = getattr(config, "head_dim", None) or config.hidden_size // heads
        return cls(
            body=sum(each.numel() for each in model.parameters() if each.dim() > 1 and id(each) not in ends),
            vocabulary=output.shape[0],
            hidden=output.shape[1],
            layers=config.num_hidden_layers,
            attended=heads * width,
            cached=(getattr(config, "num_key_value_heads", None) or heads) * width,
            bytes=DTYPES[source.precision].itemsize,
        )

    def operations(self, tokens: int, context: int, predicting: int) -> float:
        """Return the floating-point operations of the matrix products of a pass of one row; a multiply-add is two.

        Args:
            tokens: number of tokens processed.
            context: number of tokens that each of them attends to, masked or not.
            predicting: number of tokens whose logits are computed.
        """
        products = self.body * tokens + self.vocabulary * self.hidden * predicting
        return 2.0 * products + 4.0 * self.layers * self.attended * tokens * context


def backbone_without_weights(config: PreTrainedConfig, source: BackboneSource) -> Any:
    """Build the model of a configuration without allocating its weights."""
    with torch.device("meta"), refusing_own_code(source.name) as refusal:
        return AutoModelForCausalLM.from_config(
            config, dtype=DTYPES[source.precision], attn_implementation=source.attention, **refusal
        )


@dataclass(frozen=True)
class RankingPlan:
    """The cost of ranking all items for all histories.

    Attributes:
        dataset: name of the data set.
        method: name of the method.
        histories: number of histories.
        cut: number of histories that lose their oldest items to fit the model's context.
        titles: number of distinct titles.
        prompt_tokens: total tokens of all prompts, without padding.
        longest_prompt: tokens of the longest prompt.
        title_tokens: title tokens processed after each prompt.
        title_tokens_apart: title tokens if every title were processed separately.
        rows: histories per batch.
        blocks: number of blocks of titles processed after each batch.
        operations: total floating-point operations of the backbone, without padding and adapter.
        bytes: peak memory besides the weights: the prompts' keys and values, twice, and a block's logits and mask.
    """

    dataset: str
    method: str
    histories: int
    cut: int
    titles: int
    prompt_tokens: int
    longest_prompt: int
    title_tokens: int
    title_tokens_apart: int
    rows: int
    blocks: int
    operations: float
    bytes: int


def plan_ranking(
    dataset: str,
    method: str,
    model: Any,
    source: BackboneSource,
    prompts: Sequence[TokenisedPrompt],
    catalogue: CatalogueTree,
    batch_size: int,
) -> RankingPlan:
    """Plan a ranking.

    Args:
        dataset: name of the data set.
        method: name of the method.
        model: backbone returned by `backbone_without_weights`.
        source: source of the backbone.
        prompts: prompt of every history, at least one.
        catalogue: trie over the titles of all items.
        batch_size: histories per batch.

    Raises:
        CannotShareError: see `check_sharing`.
    """
    lengths = [len(prompt.token_ids) for prompt in prompts]
    check_sharing(model, max(lengths) + int(catalogue.lengths.max()))
    shape, rows = BackboneShape.of(model, source), min(batch_size, len(prompts))
    behind = [(len(block.token_ids), block.among.shape[1]) for block in catalogue.blocks]
    operations = sum(
        shape.operations(length, length, 1)
        + sum(shape.operations(read, length + among, read) for read, among in behind)
        for length in lengths
    )
    return RankingPlan(
        dataset=dataset,
        method=method,
        histories=len(prompts),
        cut=sum(prompt.cut > 0 for prompt in prompts),
        titles=catalogue.distinct,
        prompt_tokens=sum(lengths),
        longest_prompt=max(lengths),
        title_tokens=catalogue.read,
        title_tokens_apart=int((catalogue.lengths - 1).sum()),
        rows=rows,
        blocks=len(behind),
        operations=operations,
        bytes=_bytes_held(
            shape, rows, max(lengths), max(read for read, _ in behind), max(among for _, among in behind)
        ),
    )


def _bytes_held(shape: BackboneShape, rows: int, prompt: int, read: int, among: int) -> int:
    cached = 2 * shape.layers * shape.cached * (2 * prompt + 3 * among)
    block = read * (shape.vocabulary + prompt + among)
    return rows * shape.bytes * (cached + block)


def describe_ranking(plan: RankingPlan) -> list[str]:
    """Return the plan as human-readable lines."""
    of_history = plan.operations / plan.histories
    time = ", ".join(f"{hours_of(plan.operations, gpu):.3g} h on {gpu}" for gpu in PEAK_RATES)
    return [
        f"{plan.method} on {plan.dataset}: {plan.titles} titles ranked for {plan.histories} histories; for each "
        f"{plan.prompt_tokens / plan.histories:.0f} tokens of its prompt ({plan.longest_prompt} at most) and "
        f"{plan.title_tokens} of titles, which would be {plan.title_tokens_apart} one by one",
        f"  {plan.rows} histories together, {plan.blocks} blocks of titles; {plan.bytes / 1e9:.3g} GB beside the "
        f"weights; {plan.cut} histories lose their oldest items",
        f"  arithmetic: {of_history:.3g} operations for a history, {plan.operations:.3g} in all; at {UTILISATION:.0%} "
        f"of the peak (assumed): {time}",
    ]

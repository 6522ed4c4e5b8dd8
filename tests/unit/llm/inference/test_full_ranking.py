"""Full ranking by a language model: equal to the ranking by likelihoods of separate titles, and its cost."""

import logging
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import PreTrainedTokenizerFast

from hybrid_models import Adapter, hybrid_model
from ilora.configuration.sections.backbone import BackboneSource
from ilora.configuration.sections.decoding import DecodingSection
from ilora.datasets.register import DATASETS
from ilora.full_ranking.ranks import asked_of
from ilora.llm.inference.catalogue_likelihood import CannotShareError
from ilora.llm.inference.full_ranking import catalogue_tree, open_prompt, rank_by_likelihood
from ilora.llm.inference.likelihood import score_without_sharing
from ilora.llm.inference.predicting import PromptedModel
from ilora.llm.inference.prompt_batches import PreparedPrompt
from ilora.llm.inference.ranking_plan import RankingPlan, backbone_without_weights, describe_ranking, plan_ranking
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.builder import PromptBuilder, PromptStyle
from tiny_models import representations

#: Items 3 and 7 share a title.
TITLES = ["Alien", "The Ape", "The Ape II", "Brazil", "Casino", "Dune", "Emma", "Brazil"]
SOURCE = BackboneSource(name="tiny", attention="eager")


@pytest.fixture
def open_builder(tokenizer: PreTrainedTokenizerFast) -> PromptBuilder:
    style = PromptStyle("history_first", "before_title", candidates="none")
    return PromptBuilder(tokenizer, TITLES, style, DATASETS["movielens"].wording)


def plan_of(hybrid: HybridLanguageModel, builder: PromptBuilder, sequences: pa.Table) -> RankingPlan:
    histories = [(row["sequence_id"], row["history"]) for row in asked_of(sequences).to_pylist()]
    prompts = [open_prompt(builder, number, history, 0) for number, history in histories]
    model = backbone_without_weights(hybrid.causal_model.config, SOURCE)
    return plan_ranking("movielens", "llara", model, SOURCE, prompts, catalogue_tree(builder), batch_size=2)


def rank(
    hybrid: HybridLanguageModel, builder: PromptBuilder, sequences: pa.Table, plan: RankingPlan, batch_size: int = 2
) -> pa.Table:
    prompted, decoding = PromptedModel(hybrid, builder, "llara"), DecodingSection(batch_size=batch_size)
    gate_inputs = representations(sequences.num_rows).to(hybrid.item_vectors.dtype)
    logger = logging.getLogger("test")
    return rank_by_likelihood(prompted, sequences, "llara", decoding, plan, None, gate_inputs, logger)


@pytest.mark.parametrize("adapter", ["uniform", "instance_wise"])
def test_targets_stand_where_the_likelihood_of_each_title_puts_them(
    adapter: Adapter,
    open_builder: PromptBuilder,
    cut: pa.Table,
    tokenizer: PreTrainedTokenizerFast,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hybrid, builder = hybrid_model(adapter, len(tokenizer)), open_builder
    with caplog.at_level(logging.INFO):
        ranks = rank(hybrid, builder, cut, plan_of(hybrid, builder, cut))
    gate_inputs = representations(cut.num_rows).double()
    for row in ranks.to_pylist():
        number = row["sequence_id"]
        prompt = PreparedPrompt(builder.prompt(cut["history"][number].as_py(), []), gate_inputs[number])
        alone = [score_without_sharing(hybrid, prompt, [builder.answer(item)]).sums[0] for item in range(8)]
        alone[7] = alone[3]
        better, tied = np.sum(np.array(alone) > alone[row["target"]]), alone.count(alone[row["target"]])
        assert (row["rank"], row["tied"], row["ranked_items"]) == (better + (tied + 1) / 2, tied, 8)
    assert ranks["tied"].to_pylist() == [2, 1]
    assert [record.levelname for record in caplog.records if "planned" in record.message] == ["INFO"]


def test_a_plan_that_is_not_kept_to_is_reported(
    open_builder: PromptBuilder, cut: pa.Table, tokenizer: PreTrainedTokenizerFast, caplog: pytest.LogCaptureFixture
) -> None:
    hybrid = hybrid_model("none", len(tokenizer))
    plan = replace(plan_of(hybrid, open_builder, cut), prompt_tokens=1)
    rank(hybrid, open_builder, cut, plan)
    assert [record.levelname for record in caplog.records if "(planned: 1)" in record.message] == ["WARNING"]


def test_the_plan_counts_the_operations_that_are_computed(cut: pa.Table, tokenizer: PreTrainedTokenizerFast) -> None:
    style = PromptStyle("history_first", "none", candidates="none")
    builder = PromptBuilder(tokenizer, TITLES, style, DATASETS["movielens"].wording)
    hybrid = hybrid_model("none", len(tokenizer), dtype=torch.float32, attn_implementation="eager")
    plan = plan_of(hybrid, builder, cut)
    with FlopCounterMode(display=False) as counter:
        rank(hybrid, builder, cut, plan, batch_size=1)
    # In addition, there are the rotary angles of the positions.
    assert counter.get_total_flops() == pytest.approx(plan.operations, rel=0.01)
    assert (plan.histories, plan.titles, plan.rows, plan.blocks) == (2, 7, 2, 1)
    assert plan.title_tokens < plan.title_tokens_apart
    assert "7 titles ranked for 2 histories" in describe_ranking(plan)[0]


def test_prompts_that_list_candidates_rank_nothing(builder: PromptBuilder) -> None:
    with pytest.raises(ValueError, match=r"prompt\.candidates: found listed, expected none"):
        open_prompt(builder, 0, [1, 2], 0)


def test_a_plan_refuses_a_model_that_cannot_rank(
    open_builder: PromptBuilder, cut: pa.Table, tokenizer: PreTrainedTokenizerFast
) -> None:
    hybrid = hybrid_model("none", len(tokenizer), "mistral", sliding_window=20)
    with pytest.raises(CannotShareError, match="MistralForCausalLM with attention eager"):
        plan_of(hybrid, open_builder, cut)

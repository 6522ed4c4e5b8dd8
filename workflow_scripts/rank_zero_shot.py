"""Rank all items by the likelihood of their titles, with the untuned backbone and the text-only prompt."""

from typing import TYPE_CHECKING

import torch

from ilora.artifacts.json_files import read_json
from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import INTERACTIONS, ITEMS, SEQUENCES
from ilora.configuration.sections.backbone import BackboneSource
from ilora.configuration.sections.decoding import DecodingSection
from ilora.configuration.sections.prompt import PromptSection
from ilora.datasets.wording import PromptWording
from ilora.full_ranking.seen_items import SeenItems
from ilora.llm.inference.full_ranking import rank_by_likelihood
from ilora.llm.inference.predicting import PromptedModel
from ilora.llm.inference.ranking_plan import RankingPlan
from ilora.llm.model.backbones import load_causal_model, load_tokenizer
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.builder import PromptBuilder, prompt_style
from ilora.llm.prompts.context import context_window
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `ranks.parquet`."""
    logger = start_log(snakemake.log[0])
    # The results do not depend on the plan.
    provenance = provenance_of(snakemake, [path for path in snakemake.input if path != snakemake.input.plan])
    torch.set_num_threads(snakemake.threads)
    params, files, method = snakemake.params, snakemake.input, snakemake.wildcards.method
    prompt, decoding = PromptSection.read(params.config["prompt"]), DecodingSection.read(params.config["decoding"])
    seen = SeenItems.of(read_table(files.interactions, INTERACTIONS)) if params.leaves_seen_out else None
    titles, source = read_table(files.catalogue, ITEMS)["title"].to_pylist(), BackboneSource.read(params.backbone)
    model = HybridLanguageModel(load_causal_model(source))

    wording = PromptWording(**params.wording)
    window = context_window(model.causal_model, decoding.maximum_new_tokens)
    builder = PromptBuilder(load_tokenizer(source), titles, prompt_style(prompt, "text"), wording, window)
    prompted = PromptedModel(model, builder, "the untuned backbone")
    plan = RankingPlan(**read_json(files.plan))
    sequences = read_table(files.sequences, SEQUENCES)
    ranks = rank_by_likelihood(prompted, sequences, method, decoding, plan, seen, None, logger)
    write_table(ranks, snakemake.output.ranks)
    config = {"prompt": prompt.model_dump(mode="json"), "decoding": decoding.model_dump(mode="json")}
    provenance.record(snakemake.output.ranks, config=config)


main(snakemake)

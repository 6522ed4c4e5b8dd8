"""Estimate the cost of ranking all items by the likelihood of their titles, before it is submitted."""

import json
from dataclasses import asdict
from types import SimpleNamespace
from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import ITEMS, SEQUENCES
from ilora.artifacts.writing import atomic_path
from ilora.configuration.sections.backbone import BackboneSource
from ilora.configuration.sections.decoding import DecodingSection
from ilora.configuration.sections.prompt import PromptSection
from ilora.datasets.wording import PromptWording
from ilora.full_ranking.ranks import asked_of
from ilora.llm.inference.full_ranking import catalogue_tree, open_prompt
from ilora.llm.inference.ranking_plan import backbone_without_weights, describe_ranking, plan_ranking
from ilora.llm.model.backbones import load_configuration, load_tokenizer
from ilora.llm.prompts.builder import PromptBuilder, prompt_style
from ilora.llm.prompts.context import context_window
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write and log the plan."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    params, files, of = snakemake.params, snakemake.input, snakemake.wildcards
    prompt, decoding = PromptSection.read(params.config["prompt"]), DecodingSection.read(params.config["decoding"])
    source = BackboneSource.read(params.backbone)
    config = load_configuration(source)
    builder = PromptBuilder(
        load_tokenizer(source),
        read_table(files.catalogue, ITEMS)["title"].to_pylist(),
        prompt_style(prompt, **params.prompt_kind),
        PromptWording(**params.wording),
        context_window(SimpleNamespace(config=config), decoding.maximum_new_tokens),
    )
    asked = asked_of(read_table(files.sequences, SEQUENCES))
    histories = zip(asked["sequence_id"].to_pylist(), asked["history"].to_pylist(), strict=True)
    # A plan applies to all seeds, although each draws its own texts.
    prompts = [open_prompt(builder, number, history, params.seed) for number, history in histories]
    model = backbone_without_weights(config, source)
    plan = plan_ranking(of.dataset, of.method, model, source, prompts, catalogue_tree(builder), decoding.batch_size)
    for line in describe_ranking(plan):
        logger.info("%s", line)
    with atomic_path(snakemake.output.plan) as temporary:
        temporary.write_text(json.dumps(asdict(plan), indent=2) + "\n", encoding="utf-8")
    provenance.record(snakemake.output.plan)


main(snakemake)

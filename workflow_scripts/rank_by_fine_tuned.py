"""Rank all items by the likelihood of their titles, with a fine-tuned adapter."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ilora.artifacts.json_files import read_json
from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.records import check_made_from
from ilora.artifacts.schemas import INTERACTIONS, SEQUENCES
from ilora.configuration.sections.decoding import DecodingSection
from ilora.configuration.tuning import TuningSettings
from ilora.full_ranking.seen_items import SeenItems
from ilora.llm.inference.full_ranking import rank_by_likelihood
from ilora.llm.inference.predicting import PromptedModel
from ilora.llm.inference.ranking_plan import RankingPlan
from ilora.llm.model.adapter import load_adapter
from ilora.llm.model.backbones import load_causal_model, load_tokenizer
from ilora.llm.model.inputs import read_method_inputs
from ilora.llm.model.item_vectors import encoder_item_vectors
from ilora.llm.prompts.builder import PromptBuilder, prompt_style
from ilora.llm.prompts.context import context_window
from ilora.llm.training.gate_inputs import method_gate_inputs
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `ranks.parquet` of one fine-tuning."""
    logger = start_log(snakemake.log[0])
    # The results do not depend on the plan.
    provenance = provenance_of(snakemake, [path for path in snakemake.input if path != snakemake.input.plan])
    torch.set_num_threads(snakemake.threads)
    params, files = snakemake.params, snakemake.input
    settings, decoding = TuningSettings.read(params.tuning), DecodingSection.read(params.config["decoding"])
    adapter = Path(params.adapter)
    check_made_from(adapter, files)
    encoder = files.get("item_embeddings"), files.get("representations")
    inputs = read_method_inputs(files.catalogue, files.sequences, *encoder)
    seen = SeenItems.of(read_table(files.interactions, INTERACTIONS)) if params.leaves_seen_out else None

    vectors = encoder_item_vectors(inputs.sequence_encoder, settings.shape.item_vectors)
    model = load_adapter(load_causal_model(settings.backbone), vectors, settings.shape, adapter)
    gate_inputs = method_gate_inputs(settings.shape, inputs.sequence_encoder, inputs.sequences, settings.seed)
    builder = PromptBuilder(
        load_tokenizer(settings.backbone),
        inputs.titles,
        prompt_style(settings.prompt, settings.kind.prompt, settings.finetuning.prompt_texts),
        settings.wording,
        context_window(model.causal_model, decoding.maximum_new_tokens),
    )
    prompted = PromptedModel(model, builder, f"{settings.method}, seed {settings.seed}", settings.seed)
    plan = RankingPlan(**read_json(files.plan))
    sequences = read_table(files.sequences, SEQUENCES)
    ranks = rank_by_likelihood(prompted, sequences, settings.method, decoding, plan, seen, gate_inputs, logger)
    write_table(ranks, snakemake.output.ranks)
    config = {"prompt": settings.prompt.model_dump(mode="json"), "decoding": decoding.model_dump(mode="json")}
    provenance.record(snakemake.output.ranks, config=config)


main(snakemake)

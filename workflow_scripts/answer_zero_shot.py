"""Answers every val and test candidate set with the untuned backbone and the text-only prompt."""

from typing import TYPE_CHECKING

import torch

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.artifacts.schemas import CANDIDATES, ITEMS
from ilora.data.sequences import read_sequences
from ilora.llm.backbones import BackboneSource, load_causal_model, load_tokenizer
from ilora.llm.generation import DecodingSettings
from ilora.llm.hybrid_model import HybridLanguageModel
from ilora.llm.predicting import predict
from ilora.llm.prompts import PromptBuilder, PromptStyle
from ilora.llm.wording import prompt_wording
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `predictions.parquet`."""
    logger = start_log(snakemake.log[0])
    torch.set_num_threads(snakemake.threads)
    config = snakemake.params.config
    titles = read_table(snakemake.input.catalogue, ITEMS)["title"].to_pylist()
    candidates = read_table(snakemake.input.candidates, CANDIDATES)
    sequences = read_sequences(snakemake.input.sequences, snakemake.input.interactions)
    source = BackboneSource(**snakemake.params.backbone)
    tokenizer = load_tokenizer(source)
    style = PromptStyle(config["prompt"]["order"], behaviour_token="none")
    wording = prompt_wording(snakemake.wildcards.dataset, snakemake.params.words)
    builder = PromptBuilder(tokenizer, titles, style, wording)
    model = HybridLanguageModel(load_causal_model(source))
    predictions = predict(
        model,
        tokenizer,
        builder,
        titles,
        sequences,
        candidates,
        None,
        "zero_shot",
        DecodingSettings(**config["decoding"]),
        "the untuned backbone",
        logger,
    )
    write_table(predictions, snakemake.output.predictions)
    write_sidecar(snakemake.output.predictions, config=config, inputs=snakemake.input)


main(snakemake)

"""Answer all val and test candidate sets with the untuned backbone and the text-only prompt."""

from typing import TYPE_CHECKING

import torch

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import CANDIDATES, SEQUENCES
from ilora.configuration.sections.backbone import BackboneSource
from ilora.configuration.sections.decoding import DecodingSection
from ilora.configuration.sections.prompt import PromptSection
from ilora.datasets.wording import PromptWording
from ilora.llm.inference.predicting import PromptedModel, predict
from ilora.llm.model.backbones import load_causal_model, load_tokenizer
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.model.inputs import read_method_inputs
from ilora.llm.prompts.builder import PromptBuilder, prompt_style
from ilora.llm.prompts.context import context_window
from ilora.predictions.building import written_predictions
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `predictions.parquet`."""
    start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    torch.set_num_threads(snakemake.threads)
    params, method = snakemake.params, snakemake.wildcards.method
    prompt, decoding = PromptSection.read(params.config["prompt"]), DecodingSection.read(params.config["decoding"])
    candidates = read_table(snakemake.input.candidates, CANDIDATES)
    inputs = read_method_inputs(snakemake.input.catalogue, snakemake.input.sequences)
    source = BackboneSource.read(params.backbone)
    tokenizer = load_tokenizer(source)
    model = HybridLanguageModel(load_causal_model(source))

    wording = PromptWording(**params.wording)
    window = context_window(model.causal_model, decoding.maximum_new_tokens)
    builder = PromptBuilder(tokenizer, inputs.titles, prompt_style(prompt, "text"), wording, window)
    prompted = PromptedModel(model, builder, "the untuned backbone")
    answers = predict(prompted, inputs.sequences, candidates, decoding)
    sequences = read_table(snakemake.input.sequences, SEQUENCES)
    predictions = written_predictions(sequences, candidates, answers.texts, inputs.titles, method, answers.scores)
    write_table(predictions, snakemake.output.predictions)
    config = {"prompt": prompt.model_dump(mode="json"), "decoding": decoding.model_dump(mode="json")}
    provenance.record(snakemake.output.predictions, config=config)


main(snakemake)

"""Trains MoRec and its encoder of titles end to end; exports vectors and predictions like any other recommender's."""

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import torch
from transformers import AutoModel, AutoTokenizer

from ilora.artifacts.parquet import read_table
from ilora.artifacts.provenance import write_sidecar
from ilora.artifacts.schemas import CANDIDATES, ITEMS, SEQUENCES
from ilora.llm.title_vectors import title_tokens
from ilora.progress import start_log
from ilora.recommenders.encoded_titles import EncoderTuning, TitleTokens
from ilora.recommenders.exported_files import export_recommender
from ilora.recommenders.fitting import fit, model_shape, read_titles, resolved_settings, untrained_model_with_encoder
from ilora.recommenders.plain_model import plain_model

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the model, its vectors of items and sequences, its predictions and its training log."""
    logger = start_log(snakemake.log[0])
    torch.set_num_threads(snakemake.threads)
    recommender, seed = snakemake.wildcards.recommender, int(snakemake.wildcards.seed)
    params, output = snakemake.params, snakemake.output
    sequences = read_table(snakemake.input.sequences, SEQUENCES)
    candidates = read_table(snakemake.input.candidates, CANDIDATES)
    titles = read_table(snakemake.input.catalogue, ITEMS)["title"].to_pylist()
    vectors = read_titles(snakemake.input.title_vectors, snakemake.input.catalogue)
    assert vectors is not None
    shape = model_shape(
        recommender,
        params.architecture,
        vectors,
        embedding_size=params.embedding_size,
        items=len(titles),
        maximum_history=params.maximum_history,
    )
    # The rule that gave the vectors has read this encoder, and said what to do where it could not.
    source = {
        "pretrained_model_name_or_path": params.encoder["name"],
        "revision": params.encoder["revision"] or "main",
    }
    tokenizer = AutoTokenizer.from_pretrained(**source)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokens = TitleTokens(*title_tokens(tokenizer, titles))
    encoder = AutoModel.from_pretrained(**source, dtype=torch.float32)
    build = partial(
        untrained_model_with_encoder, shape, vectors, encoder, tokens, EncoderTuning(**params.encoder_tuning)
    )
    settings = resolved_settings(params.training, snakemake.input.get("weight_decay"))
    trained, training_log = fit(build, shape, settings, sequences, candidates, seed=seed, logger=logger)
    model, plain_shape = plain_model(trained, shape)
    export_recommender(model, plain_shape, training_log, sequences, candidates, recommender, output)
    config = {**dict(params.items()), "training": asdict(settings), "seed": seed}
    for path in output:
        write_sidecar(path, config=config, inputs=snakemake.input)


main(snakemake)

# Generative recommenders: ids of the items, a T5 that generates them, and its rankings and choices.


rule encode_texts:
    """Encode the texts of every item with a language model, level by level and as one text."""
    input:
        unpack(models.backbone_files),
        catalogue=rules.prepare_interactions.output.catalogue,
    output:
        text_vectors=layout.text_vectors,
    conda:
        "../envs/llm.yaml"
    resources:
        mem_mb=requests.memory(2500 if study.title_encoder.is_embedded else 16000),
        runtime=requests.minutes(30),
    params:
        code=code_version("encode_texts"),
        encoder=models.title_encoder,
    script:
        "../workflow_scripts/encode_texts.py"


rule make_semantic_ids:
    """Quantise the vectors of every item to its id, with statistics on the use of codebooks and on shared ids."""
    input:
        unpack(generative.vectors),
    output:
        semantic_ids=layout.semantic_ids,
        statistics=layout.id_statistics,
    conda:
        "../envs/llm.yaml"
    # A constant, because the order of float32 sums depends on the number of threads, and results must not depend on --cores.
    threads: 1
    resources:
        runtime=requests.minutes(30),
    params:
        code=code_version("make_semantic_ids"),
        tokenizer=generative.tokenizer,
    script:
        "../workflow_scripts/make_semantic_ids.py"


rule train_generator:
    """Train a T5 from scratch to generate the id of the next item."""
    input:
        semantic_ids=layout.semantic_ids,
        sequences=rules.make_sequences.output.sequences,
    output:
        model=layout.generator_model,
        log=layout.generator_log,
    conda:
        "../envs/llm.yaml"
    # A constant, as above.
    threads: 1
    resources:
        mem_mb=requests.memory(4000),
        runtime=requests.minutes(240),
    params:
        code=code_version("train_generator"),
        generator=generative.generator,
    script:
        "../workflow_scripts/train_generator.py"


rule rank_by_generator:
    """Rank all items by beam search over their ids."""
    input:
        interactions=rules.prepare_interactions.output.interactions,
        sequences=rules.make_sequences.output.sequences,
        semantic_ids=layout.semantic_ids,
        model=layout.generator_model,
    output:
        ranks=layout.generator_ranks,
        beam_statistics=layout.beam_statistics,
    conda:
        "../envs/llm.yaml"
    # A constant, as above.
    threads: 1
    resources:
        mem_mb=requests.memory(4000),
        runtime=requests.minutes(120),
    params:
        code=code_version("rank_by_generator"),
        leaves_seen_out=full_ranking.leaves_seen_out,
    script:
        "../workflow_scripts/rank_by_generator.py"


rule score_by_generator:
    """Choose among the frozen candidates by the likelihood of their ids."""
    input:
        sequences=rules.make_sequences.output.sequences,
        candidates=rules.draw_candidates.output.candidates,
        semantic_ids=layout.semantic_ids,
        model=layout.generator_model,
    output:
        predictions=layout.generator_predictions,
    conda:
        "../envs/llm.yaml"
    # A constant, as above.
    threads: 1
    resources:
        runtime=requests.minutes(30),
    params:
        code=code_version("score_by_generator"),
    script:
        "../workflow_scripts/score_by_generator.py"


rule measure_generative_ablations:
    """Measure the full rankings of a method and its ablations on one data set, and compare it with each of them."""
    input:
        ranks=generative.ranks_of_ablations,
        sequences=rules.make_sequences.output.sequences,
    output:
        ablations=layout.generator_ablations,
    conda:
        "../envs/evaluation.yaml"
    resources:
        mem_mb=requests.memory(4000),
    params:
        code=code_version("measure_generative_ablations"),
        intervals=study.config.statistics.intervals,
    script:
        "../workflow_scripts/measure_generative_ablations.py"

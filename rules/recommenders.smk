# Sequential recommenders of RecBole: a baseline each, and one of them the guide of the language model.


rule train_recommender:
    """Train a recommender; export its weights and vectors, and score every candidate with it."""
    input:
        catalogue=f"{RESULTS}/data/{{dataset}}/{{protocol}}/items.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/{{protocol}}/sequences.parquet",
        candidates=f"{RESULTS}/data/{{dataset}}/{{protocol}}/candidates.parquet",
    output:
        model=f"{RESULTS}/recommenders/{{dataset}}/{{protocol}}/{{recommender}}/seed~{{seed}}/model.safetensors",
        item_embeddings=f"{RESULTS}/recommenders/{{dataset}}/{{protocol}}/{{recommender}}/seed~{{seed}}/item_embeddings.safetensors",
        sequence_representations=f"{RESULTS}/recommenders/{{dataset}}/{{protocol}}/{{recommender}}/seed~{{seed}}/sequence_representations.safetensors",
        predictions=f"{RESULTS}/recommenders/{{dataset}}/{{protocol}}/{{recommender}}/seed~{{seed}}/predictions.parquet",
        training_log=f"{RESULTS}/recommenders/{{dataset}}/{{protocol}}/{{recommender}}/seed~{{seed}}/training_log.parquet",
    log:
        f"{RESULTS}/logs/train_recommender/{{dataset}}/{{protocol}}/{{recommender}}/seed~{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/train_recommender/{{dataset}}/{{protocol}}/{{recommender}}/seed~{{seed}}.tsv"
    conda:
        "../envs/recommenders.yaml"
    # The order of float32 sums depends on the number of threads: a constant, so that no number depends on --cores.
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(30),
    params:
        code=code_version("train_recommender"),
        # Only this recommender's own settings, so that editing another's, or the guide, trains nothing anew.
        architecture=lambda wildcards: getattr(STUDY.recommenders, wildcards.recommender).model_dump(),
        training=STUDY.recommenders.model_dump(exclude={"guide", "embedding_size", *RECOMMENDERS}),
        embedding_size=STUDY.recommenders.embedding_size,
        maximum_history=STUDY.data.maximum_history,
    script:
        "../workflow_scripts/train_recommender.py"

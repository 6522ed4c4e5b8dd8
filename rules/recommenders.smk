# Sequential recommenders of RecBole: a baseline each, and one of them the guide of the language model.


rule encode_titles:
    """Encode the title of every item by a language model."""
    input:
        unpack(backbone_files),
        catalogue=f"{RESULTS}/data/{{dataset}}/{{protocol}}/items.parquet",
    output:
        title_vectors=f"{RESULTS}/title_vectors/{{dataset}}/{{protocol}}/{{backbone}}/title_vectors.safetensors",
    log:
        f"{RESULTS}/logs/encode_titles/{{dataset}}/{{protocol}}/{{backbone}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/encode_titles/{{dataset}}/{{protocol}}/{{backbone}}.tsv"
    conda:
        "../envs/llm.yaml"
    # A constant, as below.
    threads: 1
    resources:
        mem_mb=memory(2500 if ENCODER.is_embedded else 16000),
        runtime=minutes(30),
    params:
        code=code_version("encode_titles"),
        encoder=encoder_source,
    script:
        "../workflow_scripts/encode_titles.py"


rule train_recommender:
    """Train a recommender; export its weights and vectors, and score every candidate with it."""
    input:
        unpack(title_vectors),
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
        architecture=architecture_of,
        training=STUDY.recommenders.model_dump(exclude={"guide", "embedding_size", *RECOMMENDERS}),
        embedding_size=STUDY.recommenders.embedding_size,
        maximum_history=STUDY.data.maximum_history,
    script:
        "../workflow_scripts/train_recommender.py"

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


rule validate_weight_decay:
    """Train a recommender with one value of L2, to see how good it is on the validation split."""
    input:
        unpack(title_vectors),
        catalogue=f"{RESULTS}/data/{{dataset}}/{{protocol}}/items.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/{{protocol}}/sequences.parquet",
        candidates=f"{RESULTS}/data/{{dataset}}/{{protocol}}/candidates.parquet",
    output:
        training_log=TRIAL_LOG,
    log:
        f"{RESULTS}/logs/validate_weight_decay/{{dataset}}/{{protocol}}/{{recommender}}/weight_decay~{{weight_decay}}/seed~{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/validate_weight_decay/{{dataset}}/{{protocol}}/{{recommender}}/weight_decay~{{weight_decay}}/seed~{{seed}}.tsv"
    conda:
        "../envs/recommenders.yaml"
    # A constant, as below.
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(30),
    params:
        code=code_version("validate_weight_decay"),
        architecture=architecture_of,
        training=training_of_trials(),
        embedding_size=STUDY.recommenders.embedding_size,
        maximum_history=STUDY.data.maximum_history,
    script:
        "../workflow_scripts/validate_weight_decay.py"


rule choose_weight_decay:
    """Choose the L2 that a recommender is trained with: the best of the tried values on the validation split."""
    input:
        training_logs=trial_logs,
    output:
        weight_decays=CHOICE,
    log:
        f"{RESULTS}/logs/choose_weight_decay/{{dataset}}/{{protocol}}/{{recommender}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/choose_weight_decay/{{dataset}}/{{protocol}}/{{recommender}}.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("choose_weight_decay"),
        # One for each training log.
        values=[float(weight_decay) for weight_decay, _ in weight_decay_trials()],
    script:
        "../workflow_scripts/choose_weight_decay.py"


rule train_recommender:
    """Train a recommender; export its weights and vectors, and score every candidate with it."""
    input:
        unpack(title_vectors),
        unpack(searched_weight_decay),
        catalogue=f"{RESULTS}/data/{{dataset}}/{{protocol}}/items.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/{{protocol}}/sequences.parquet",
        candidates=f"{RESULTS}/data/{{dataset}}/{{protocol}}/candidates.parquet",
    output:
        model=f"{TRAINED}/model.safetensors",
        item_embeddings=f"{TRAINED}/item_embeddings.safetensors",
        sequence_representations=f"{TRAINED}/sequence_representations.safetensors",
        predictions=f"{TRAINED}/predictions.parquet",
        training_log=f"{TRAINED}/training_log.parquet",
    log:
        f"{RESULTS}/logs/train_recommender/{{dataset}}/{{protocol}}/{{recommender}}/{L2_FOLDER}seed~{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/train_recommender/{{dataset}}/{{protocol}}/{{recommender}}/{L2_FOLDER}seed~{{seed}}.tsv"
    wildcard_constraints:
        recommender=one_of([name for name in RECOMMENDERS if name not in WITH_ENCODER]),
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
        training=training_of_recommenders(),
        embedding_size=STUDY.recommenders.embedding_size,
        maximum_history=STUDY.data.maximum_history,
    script:
        "../workflow_scripts/train_recommender.py"


rule train_with_encoder:
    """Train a recommender and its encoder of titles end to end; what it leaves is as of `train_recommender`."""
    input:
        unpack(title_vectors),
        unpack(encoder_files),
        unpack(searched_weight_decay),
        catalogue=f"{RESULTS}/data/{{dataset}}/{{protocol}}/items.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/{{protocol}}/sequences.parquet",
        candidates=f"{RESULTS}/data/{{dataset}}/{{protocol}}/candidates.parquet",
    output:
        model=f"{TRAINED}/model.safetensors",
        item_embeddings=f"{TRAINED}/item_embeddings.safetensors",
        sequence_representations=f"{TRAINED}/sequence_representations.safetensors",
        predictions=f"{TRAINED}/predictions.parquet",
        training_log=f"{TRAINED}/training_log.parquet",
    log:
        f"{RESULTS}/logs/train_with_encoder/{{dataset}}/{{protocol}}/{{recommender}}/{L2_FOLDER}seed~{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/train_with_encoder/{{dataset}}/{{protocol}}/{{recommender}}/{L2_FOLDER}seed~{{seed}}.tsv"
    wildcard_constraints:
        recommender=one_of(WITH_ENCODER),
    conda:
        "../envs/encoder.yaml"
    # A constant, as above.
    threads: 1
    resources:
        mem_mb=memory(4000 if ENCODER.is_embedded else 32000),
        runtime=minutes(240),
        gpu=gpu_for(ENCODER),
    params:
        code=code_version("train_with_encoder"),
        architecture=architecture_of,
        training=training_of_recommenders(),
        embedding_size=STUDY.recommenders.embedding_size,
        maximum_history=STUDY.data.maximum_history,
        encoder=encoder_source,
        encoder_tuning={
            "learning_rate": STUDY.recommenders.morec.encoder_learning_rate,
            "compared_items": STUDY.recommenders.morec.compared_items,
        },
    script:
        "../workflow_scripts/train_with_encoder.py"

# RecBole's sequential recommenders: each is a baseline, and one is the sequence encoder of the language model.


rule encode_titles:
    """Encode the title of every item with a language model."""
    input:
        unpack(models.backbone_files),
        catalogue=rules.prepare_interactions.output.catalogue,
    output:
        title_vectors=layout.title_vectors,
    conda:
        "../envs/llm.yaml"
    resources:
        mem_mb=requests.memory(2500 if study.title_encoder.is_embedded else 16000),
        runtime=requests.minutes(30),
    params:
        code=code_version("encode_titles"),
        encoder=models.title_encoder,
    script:
        "../workflow_scripts/encode_titles.py"


rule validate_weight_decay:
    """Train a recommender with one value of L2, and measure it on the validation split."""
    input:
        unpack(recommenders.title_vectors),
        unpack(recommenders.all_users),
        catalogue=rules.prepare_interactions.output.catalogue,
        sequences=rules.make_sequences.output.sequences,
        candidates=rules.draw_candidates.output.candidates,
    output:
        training_log=layout.trial_log,
    conda:
        "../envs/recommenders.yaml"
    # A constant, because the order of float32 sums depends on the number of threads, and results must not depend on --cores.
    threads: 1
    resources:
        runtime=requests.minutes(30),
    params:
        code=code_version("validate_weight_decay"),
        architecture=recommenders.architecture,
        training=recommenders.training_of_trials,
        embedding_size=study.config.recommenders.embedding_size,
        maximum_history=study.config.data.maximum_history,
    script:
        "../workflow_scripts/validate_weight_decay.py"


rule choose_weight_decay:
    """Select the L2 of a recommender: the best of the tried values on the validation split."""
    input:
        training_logs=recommenders.trial_logs,
    output:
        weight_decays=layout.weight_decays,
    localrule: True
    conda:
        "../envs/evaluation.yaml"
    params:
        code=code_version("choose_weight_decay"),
        # One value per training log.
        values=[float(weight_decay) for weight_decay, _ in recommenders.trials],
    script:
        "../workflow_scripts/choose_weight_decay.py"


rule train_recommender:
    """Train a recommender, export its weights and vectors, and score every candidate with it."""
    input:
        unpack(recommenders.title_vectors),
        unpack(recommenders.all_users),
        unpack(recommenders.searched_weight_decay),
        catalogue=rules.prepare_interactions.output.catalogue,
        sequences=rules.make_sequences.output.sequences,
        candidates=rules.draw_candidates.output.candidates,
    output:
        model=layout.recommender_file("model.safetensors"),
        item_embeddings=layout.recommender_file("item_embeddings.safetensors"),
        sequence_representations=layout.recommender_file("sequence_representations.safetensors"),
        predictions=layout.recommender_file("predictions.parquet"),
        training_log=layout.recommender_file("training_log.parquet"),
    wildcard_constraints:
        recommender=recommenders.without_encoder,
        protocol=recommenders.trained_protocols,
    conda:
        "../envs/recommenders.yaml"
    # A constant, as above.
    threads: 1
    resources:
        runtime=requests.minutes(30),
    params:
        code=code_version("train_recommender"),
        architecture=recommenders.architecture,
        training=recommenders.training,
        embedding_size=study.config.recommenders.embedding_size,
        maximum_history=study.config.data.maximum_history,
    script:
        "../workflow_scripts/train_recommender.py"


rule train_with_encoder:
    """Train a recommender and its title encoder end to end, with the same outputs as `train_recommender`."""
    input:
        unpack(recommenders.title_vectors),
        unpack(recommenders.all_users),
        unpack(models.title_encoder_files),
        unpack(recommenders.searched_weight_decay),
        catalogue=rules.prepare_interactions.output.catalogue,
        sequences=rules.make_sequences.output.sequences,
        candidates=rules.draw_candidates.output.candidates,
    output:
        model=layout.recommender_file("model.safetensors"),
        item_embeddings=layout.recommender_file("item_embeddings.safetensors"),
        sequence_representations=layout.recommender_file("sequence_representations.safetensors"),
        predictions=layout.recommender_file("predictions.parquet"),
        training_log=layout.recommender_file("training_log.parquet"),
    wildcard_constraints:
        recommender=recommenders.with_encoder,
        protocol=recommenders.trained_protocols,
    conda:
        "../envs/encoder.yaml"
    # A constant, as above.
    threads: 1
    resources:
        mem_mb=requests.memory(4000 if study.title_encoder.is_embedded else 32000),
        runtime=requests.minutes(240),
        gpu=requests.gpus(study.title_encoder),
    params:
        code=code_version("train_with_encoder"),
        architecture=recommenders.architecture,
        training=recommenders.training,
        embedding_size=study.config.recommenders.embedding_size,
        maximum_history=study.config.data.maximum_history,
        encoder=models.title_encoder,
        encoder_tuning=recommenders.encoder_tuning,
    script:
        "../workflow_scripts/train_with_encoder.py"


rule answer_short_histories:
    """Answer short histories with a recommender that was trained by the protocol with whole ones."""
    input:
        unpack(recommenders.trained_with_whole_histories),
        catalogue=rules.prepare_interactions.output.catalogue,
        sequences=rules.make_sequences.output.sequences,
        candidates=rules.draw_candidates.output.candidates,
    output:
        item_embeddings=layout.recommender_file("item_embeddings.safetensors"),
        sequence_representations=layout.recommender_file("sequence_representations.safetensors"),
        predictions=layout.recommender_file("predictions.parquet"),
    wildcard_constraints:
        protocol=recommenders.answered_protocols,
    conda:
        "../envs/recommenders.yaml"
    # A constant, as above.
    threads: 1
    params:
        code=code_version("answer_short_histories"),
    script:
        "../workflow_scripts/answer_short_histories.py"

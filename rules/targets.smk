"""What the study consists of: every artifact, table and figure that it asks for."""

from ilora.configuration.finetuning import finetuning_values


def trained_recommenders():
    """Return the recommenders that the study trains: those it compares, and the guide of the methods that have one."""
    is_guided = (
        any(LANGUAGE_MODEL_METHODS[method].is_hybrid for method in BACKBONE_METHODS) or "chatrec" in METHODS
    )
    guide = [STUDY.recommenders.sequence_encoder] if is_guided else []
    return [name for name in RECOMMENDERS if name in (*METHODS, *guide)]


def weight_decay_choices():
    """Return the table of tried L2 values of each data set and recommender; none where the study names the value."""
    if not STUDY.recommenders.is_weight_decay_searched:
        return []
    return outputs(rules.choose_weight_decay, recommender=trained_recommenders())


def weight_decay_trial_logs():
    """Return the training logs of the search for the L2 of each data set and recommender, where there is one."""
    if not STUDY.recommenders.is_weight_decay_searched:
        return []
    return [
        log
        for weight_decay, seed in weight_decay_trials()
        for log in outputs(
            rules.validate_weight_decay,
            recommender=trained_recommenders(),
            weight_decay=weight_decay,
            seed=seed,
        )
    ]


def title_vector_files():
    """Return the titles' vectors of each data set of the study."""
    return expand(
        rules.encode_titles.output.title_vectors,
        dataset=STUDY.datasets,
        protocol=STUDY.protocol,
        backbone=ENCODER.identifier,
    )


def prediction_folders(dataset):
    """Return the folders of the study that hold a `predictions.parquet` of the data set."""
    below = f"{dataset}/{STUDY.protocol}"
    folders = []
    for method in METHODS:
        if method in BASELINES:
            folders.append(f"{RESULTS}/baselines/{below}/{method}")
        elif method in RECOMMENDERS:
            folders += expand(
                TRAINED, dataset=dataset, protocol=STUDY.protocol, recommender=method, seed=STUDY.seeds
            )
        elif method in TUNED_METHODS:
            folder = f"{RESULTS}/llm/{below}/{BACKBONE}/{method}/default"
            folders += [f"{folder}/seed~{seed}" for seed in STUDY.seeds]
        elif method == "gpt4":
            folders.append(f"{RESULTS}/llm/{below}/{CHAT_MODEL}/{method}/default")
        elif method == "chatrec":
            # Every seed's ranking would be paid for, so that only the first one's is.
            folders.append(f"{RESULTS}/llm/{below}/{CHAT_MODEL}/{method}/default/seed~{STUDY.seeds[0]}")
        else:
            folders.append(f"{RESULTS}/llm/{below}/{BACKBONE}/{method}/default")
    return folders


def runs_without_key():
    """Return data set, protocol, method and model of every run that is left out, since there is no key."""
    return [
        (dataset, STUDY.protocol, method, CHAT_MODEL)
        for dataset in STUDY.datasets
        for method in METHODS_WITHOUT_KEY
    ]


def study_files(name):
    """Return the file of this name beside every table of predictions of the study."""
    return [f"{folder}/{name}" for dataset in STUDY.datasets for folder in prediction_folders(dataset)]


def uses_embedded_backbone():
    """Return whether any method of the language model needs the backbone that the pipeline pretrains."""
    return STUDY.backbone.is_embedded and bool(BACKBONE_METHODS)


def model_downloads():
    """Return the records of the models that the study takes from the hub."""
    needed = [STUDY.backbone] if BACKBONE_METHODS else []
    needed += [ENCODER] if encodes_titles() else []
    return [HUB_RECORD.format(backbone=model.identifier) for model in needed if model.is_on_hub]


def fine_tuning_plans():
    """Return the plans of the study's fine-tunings."""
    return expand(
        FINETUNING_PLAN,
        dataset=STUDY.datasets,
        protocol=STUDY.protocol,
        backbone=BACKBONE,
        method=TUNED_METHODS,
    )


def encodes_titles():
    """Return whether a recommender of the study reads titles."""
    return "morec" in trained_recommenders()


def backbone_weights():
    """Return the weights of the embedded backbones that the study uses, whose size the table tells."""
    if not uses_embedded_backbone():
        return []
    return expand(
        f"{RESULTS}/backbone/{{dataset}}/{STUDY.protocol}/{BACKBONE}/model.safetensors",
        dataset=STUDY.datasets,
    )


def study_tables():
    """Return every file of Table 1 and of the table of data sets, and what their notes rest on."""
    return [
        f"{RESULTS}/tables/metrics.parquet",
        *multiext(f"{RESULTS}/tables/table1", ".parquet", ".csv", ".md", ".tex", ".html"),
        *multiext(f"{RESULTS}/tables/dataset_statistics", ".parquet", ".csv", ".md", ".tex", ".html"),
        f"{RESULTS}/tables/differences.parquet",
        f"{RESULTS}/tables/error_analysis.parquet",
        *sweep_tables(),
    ]


def study_figures():
    """Return every file of the figures that the study's methods allow."""
    names = ["hit_ratio"]
    names += ["training_curves"] if TUNED_METHODS else []
    names += ["expert_attention"] if "ilora" in TUNED_METHODS else []
    return expand(
        f"{RESULTS}/figures/{{dataset}}/{{name}}.{{extension}}",
        dataset=STUDY.datasets,
        name=names,
        extension=["svg", "pdf", "png", "parquet"],
    )


def gradient_snapshots(dataset, method):
    """Return the checkpoints of a method's fine-tuning at which gradients are taken."""
    values = finetuning_values(STUDY.finetuning, dataset, method)
    steps = [step for step in values.snapshots if step != values.steps]
    return [*(f"step~{step}" for step in steps), LAST]


def gradient_files(wildcards):
    """Return the gradients of a data set, of both methods, over seeds and checkpoints."""
    return [
        path
        for method in GRADIENT_METHODS
        for path in expand(
            f"{GRADIENTS}/{{snapshot}}.parquet",
            dataset=wildcards.dataset,
            protocol=wildcards.protocol,
            backbone=wildcards.backbone,
            method=method,
            variant="default",
            seed=STUDY.seeds,
            snapshot=gradient_snapshots(wildcards.dataset, method),
        )
    ]


def case_study_gradients(wildcards):
    """Return the gradients of one method and the first seed, over checkpoints."""
    return expand(
        f"{GRADIENTS}/{{snapshot}}.parquet",
        dataset=wildcards.dataset,
        protocol=STUDY.protocol,
        backbone=BACKBONE,
        method=CASE_STUDY_METHOD,
        variant="default",
        seed=STUDY.seeds[0],
        snapshot=gradient_snapshots(wildcards.dataset, CASE_STUDY_METHOD),
    )


def gradient_figures():
    """Return every file of the figures about clusters, gradients and experts that the study's methods allow."""
    if not STUDY.figures.gradients:
        return []
    names = [f"gradient_similarity_{method}" for method in GRADIENT_METHODS]
    names += ["clusters", "gradient_similarity_summary", "case_study"] if GRADIENT_METHODS else []
    names += ["expert_attention_all"] if "ilora" in TUNED_METHODS else []
    return expand(
        f"{RESULTS}/figures/{{dataset}}/{{name}}.{{extension}}",
        dataset=STUDY.datasets,
        name=names,
        extension=["svg", "pdf", "png", "parquet"],
    )


def synthetic_files(name):
    """Return the file of this name over all degrees and seeds of the study on synthetic users."""
    section = STUDY.negative_transfer
    return expand(f"{SYNTHETIC}/{name}", degree=section.degrees, seed=section.seeds)


def negative_transfer_figures():
    """Return every file of the figure about synthetic users, where the study has them."""
    if not STUDY.negative_transfer.degrees:
        return []
    return multiext(f"{RESULTS}/figures/negative_transfer", ".svg", ".pdf", ".png", ".parquet")


def outputs(rule, **wildcards):
    """Return all that a rule makes for the study, over its data sets and seeds and the given wildcards."""
    values = {
        "dataset": STUDY.datasets,
        "protocol": STUDY.protocol,
        "seed": STUDY.seeds,
        "backbone": BACKBONE,
        "variant": "default",
    }
    return list(dict.fromkeys(expand(rule.output, **{**values, **wildcards})))


def study_artifacts():
    """Return every artifact before the tables and figures, so that one that was deleted is made again."""
    artifacts = [
        *outputs(rules.prepare_interactions),
        *outputs(rules.make_sequences),
        *outputs(rules.draw_candidates),
        *outputs(rules.compute_dataset_statistics),
        *weight_decay_trial_logs(),
        *weight_decay_choices(),
        *outputs(rules.train_recommender, recommender=trained_recommenders()),  # any rule's outputs lie there
        *(title_vector_files() if encodes_titles() else []),
        *(path for method in TUNED_METHODS for path in outputs(tuning_rule(method), method=method)),
        *outputs(rules.describe_adapter, method=TUNED_METHODS),
        *study_files("predictions.parquet"),
        *study_files("metrics.parquet"),
        *study_files("answer_sample.parquet"),
    ]
    if GATED_METHODS:
        artifacts += outputs(rules.compute_gates, method=GATED_METHODS)
    if uses_embedded_backbone() or (encodes_titles() and ENCODER.is_embedded):
        artifacts += outputs(rules.pretrain_backbone)
    return [*artifacts, *sweep_artifacts()]

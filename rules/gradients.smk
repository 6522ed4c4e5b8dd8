# Clusters of sequences, and the similarity of the adapters' gradients on them.


rule cluster_sequences:
    """Cluster the training sequences by k-means on their representations, and describe the clusters."""
    input:
        unpack(tuning.encoder_files_of_study),
        catalogue=rules.prepare_interactions.output.catalogue,
        sequences=rules.make_sequences.output.sequences,
    output:
        clusters=fill(layout.clusters, sequence_encoder=study.config.recommenders.sequence_encoder),
        profiles=fill(layout.cluster_profiles, sequence_encoder=study.config.recommenders.sequence_encoder),
    conda:
        "../envs/llm.yaml"
    resources:
        mem_mb=requests.memory(4000),
        runtime=requests.minutes(30),
    params:
        code=code_version("cluster_sequences"),
        analysis=study.config.analysis.plain("clusters", "restarts", "seed", "silhouette_sequences"),
    script:
        "../workflow_scripts/cluster_sequences.py"


rule compute_gradients:
    """Compute an adapter's gradients on clusters of sequences, at one checkpoint of its fine-tuning."""
    input:
        unpack(models.backbone_files),
        unpack(tuning.encoder_files),
        unpack(tuning.adapter_files),
        snapshots=layout.snapshots,
        clusters=rules.cluster_sequences.output.clusters,
        catalogue=rules.prepare_interactions.output.catalogue,
        sequences=rules.make_sequences.output.sequences,
    output:
        grams=layout.gradients,
    wildcard_constraints:
        method=methods_that(prompt="hybrid"),
    conda:
        "../envs/llm.yaml"
    threads: requests.threads
    resources:
        **requests.inference,
    params:
        code=code_version("compute_gradients"),
        tuning=tuning.settings,
        adapter=tuning.adapter_folder,
        analysis=study.config.analysis.plain(
            "seed", "batch_size", "blocks", "sequences_per_block", "case_study_sequences"
        ),
    script:
        "../workflow_scripts/compute_gradients.py"


rule compare_gradients:
    """Compare gradients between clusters, for uniform and instance-wise LoRA, over all seeds and checkpoints."""
    input:
        grams=targets.gradients,
        profiles=targets.profiles,
    output:
        similarity=layout.gradient_similarity,
        summary=layout.gradient_summary,
    conda:
        "../envs/evaluation.yaml"
    resources:
        mem_mb=requests.memory(4000),
        runtime=requests.minutes(60),
    params:
        code=code_version("compare_gradients"),
        intervals=study.config.statistics.intervals,
    script:
        "../workflow_scripts/compare_gradients.py"


rule measure_expert_usage:
    """Measure how one gate uses its experts over the test set, and how this relates to the clusters."""
    input:
        gates=rules.compute_gates.output.gates,
        clusters=rules.cluster_sequences.output.clusters,
    output:
        usage=layout.expert_usage,
    wildcard_constraints:
        method=methods_that(is_gated=True),
    localrule: True
    conda:
        "../envs/llm.yaml"
    params:
        code=code_version("measure_expert_usage"),
        seed=study.config.analysis.seed,
    script:
        "../workflow_scripts/measure_expert_usage.py"

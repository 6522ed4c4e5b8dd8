# Clusters of sequences, and how alike the adapters' gradients on them are.

# Uniform and instance-wise LoRA: what Figures 1 and 3 of the paper compare.
GRADIENT_METHODS = [method for method in ("llara", "ilora") if method in TUNED_METHODS]

# The case study is about uniform LoRA, as in the paper, if the study has it.
CASE_STUDY_METHOD = (GRADIENT_METHODS or ["llara"])[0]

# The adapter after the last step, beside the snapshots of finetuning.snapshots.
LAST = "last"

CLUSTERS = f"{RESULTS}/analysis/{{dataset}}/{{protocol}}/clusters/{STUDY.recommenders.sequence_encoder}/seed~{{seed}}"
FIRST_CLUSTERS = f"{RESULTS}/analysis/{{dataset}}/{STUDY.protocol}/clusters/{STUDY.recommenders.sequence_encoder}/seed~{STUDY.seeds[0]}"
GRADIENTS = (
    f"{RESULTS}/analysis/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}/gradients"
)


wildcard_constraints:
    snapshot=rf"step~\d+|{LAST}",


rule cluster_sequences:
    """Cluster the training sequences by k-means on their representations, and describe the clusters."""
    input:
        unpack(guide_files),
        catalogue=f"{RESULTS}/data/{{dataset}}/{{protocol}}/items.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/{{protocol}}/sequences.parquet",
    output:
        clusters=f"{CLUSTERS}/clusters.parquet",
        profiles=f"{CLUSTERS}/profiles.parquet",
    log:
        f"{RESULTS}/logs/cluster_sequences/{{dataset}}/{{protocol}}/{STUDY.recommenders.sequence_encoder}/seed~{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/cluster_sequences/{{dataset}}/{{protocol}}/{STUDY.recommenders.sequence_encoder}/seed~{{seed}}.tsv"
    conda:
        "../envs/llm.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(30),
    params:
        code=code_version("cluster_sequences"),
        analysis=STUDY.analysis.model_dump(include={"clusters", "restarts", "seed", "silhouette_sequences"}),
    script:
        "../workflow_scripts/cluster_sequences.py"


rule compute_gradients:
    """Compute an adapter's gradients on clusters of sequences, at one checkpoint of its fine-tuning."""
    input:
        unpack(backbone_files),
        unpack(guide_files),
        unpack(adapter_files),
        snapshots=f"{TUNED}/snapshots",
        clusters=f"{CLUSTERS}/clusters.parquet",
        catalogue=f"{RESULTS}/data/{{dataset}}/{{protocol}}/items.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/{{protocol}}/sequences.parquet",
    output:
        grams=f"{GRADIENTS}/{{snapshot}}.parquet",
    log:
        f"{RESULTS}/logs/compute_gradients/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}/{{snapshot}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/compute_gradients/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}/{{snapshot}}.tsv"
    wildcard_constraints:
        method=methods_with(prompt="hybrid"),
    conda:
        "../envs/llm.yaml"
    threads: LLM_THREADS
    resources:
        mem_mb=memory(2500 if STUDY.backbone.is_embedded else 64000),
        runtime=minutes(30 if STUDY.backbone.is_embedded else 480),
        gpu=gpu_for(STUDY.backbone),
    params:
        code=code_version("compute_gradients"),
        tuning=tuning_of,
        adapter=lambda wildcards, input: (
            Path(input.adapter_weights).parent.as_posix()
            if wildcards.snapshot == LAST
            else f"{input.snapshots}/{wildcards.snapshot}"
        ),
        analysis={
            "seed": STUDY.analysis.seed,
            "batch_size": STUDY.analysis.batch_size,
            "sizes": STUDY.analysis.model_dump(
                include={"blocks", "sequences_per_block", "case_study_sequences"}
            ),
        },
    script:
        "../workflow_scripts/compute_gradients.py"


rule compare_gradients:
    """Compare gradients between clusters, and uniform with instance-wise LoRA, over all seeds and checkpoints."""
    input:
        grams=gradient_files,
        profiles=expand(f"{CLUSTERS}/profiles.parquet", seed=STUDY.seeds, allow_missing=True),
    output:
        similarity=f"{RESULTS}/analysis/{{dataset}}/{{protocol}}/{{backbone}}/gradient_similarity.parquet",
        summary=f"{RESULTS}/analysis/{{dataset}}/{{protocol}}/{{backbone}}/gradient_summary.parquet",
    log:
        f"{RESULTS}/logs/compare_gradients/{{dataset}}/{{protocol}}/{{backbone}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/compare_gradients/{{dataset}}/{{protocol}}/{{backbone}}.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        code=code_version("compare_gradients"),
        intervals=intervals(),
    script:
        "../workflow_scripts/compare_gradients.py"


rule measure_expert_usage:
    """Measure how the experts of one gate are used over the test set, and what it has to do with the clusters."""
    input:
        gates=f"{RESULTS}/analysis/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}/gates.parquet",
        clusters=f"{CLUSTERS}/clusters.parquet",
    output:
        usage=f"{RESULTS}/analysis/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}/expert_usage.parquet",
    log:
        f"{RESULTS}/logs/measure_expert_usage/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/measure_expert_usage/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}.tsv"
    wildcard_constraints:
        method=methods_with(is_gated=True),
    conda:
        "../envs/llm.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("measure_expert_usage"),
        seed=STUDY.analysis.seed,
    script:
        "../workflow_scripts/measure_expert_usage.py"


rule plot_clusters:
    """Plot the clusters of sequences, for the study's first seed."""
    input:
        profiles=f"{FIRST_CLUSTERS}/profiles.parquet",
    output:
        svg=report(
            f"{RESULTS}/figures/{{dataset}}/clusters.svg",
            caption="report/clusters.rst",
            category="Figures",
            labels={"figure": "clusters", "data set": "{dataset}", "backbone": "none"},
        ),
        pdf=f"{RESULTS}/figures/{{dataset}}/clusters.pdf",
        png=f"{RESULTS}/figures/{{dataset}}/clusters.png",
        drawn=f"{RESULTS}/figures/{{dataset}}/clusters.parquet",
    log:
        f"{RESULTS}/logs/plot_clusters/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/plot_clusters/{{dataset}}.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("plot_clusters"),
        choice={
            "seed": STUDY.seeds[0],
            "recommender": STUDY.recommenders.sequence_encoder,
            "smallest": STUDY.analysis.blocks * STUDY.analysis.sequences_per_block,
        },
    script:
        "../workflow_scripts/plot_clusters.py"


rule plot_gradient_similarity:
    """Plot the gradient similarity between clusters for one method, for the study's first seed."""
    input:
        similarity=f"{RESULTS}/analysis/{{dataset}}/{STUDY.protocol}/{BACKBONE}/gradient_similarity.parquet",
        profiles=f"{FIRST_CLUSTERS}/profiles.parquet",
    output:
        svg=report(
            f"{RESULTS}/figures/{{dataset}}/gradient_similarity_{{method}}.svg",
            caption="report/gradient_similarity.rst",
            category="Figures",
            labels={
                "figure": "gradient similarity, {method}",
                "data set": "{dataset}",
                "backbone": BACKBONE,
            },
        ),
        pdf=f"{RESULTS}/figures/{{dataset}}/gradient_similarity_{{method}}.pdf",
        png=f"{RESULTS}/figures/{{dataset}}/gradient_similarity_{{method}}.png",
        drawn=f"{RESULTS}/figures/{{dataset}}/gradient_similarity_{{method}}.parquet",
    log:
        f"{RESULTS}/logs/plot_gradient_similarity/{{dataset}}/{{method}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/plot_gradient_similarity/{{dataset}}/{{method}}.tsv"
    wildcard_constraints:
        method=methods_with(prompt="hybrid"),
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("plot_gradient_similarity"),
        seed=STUDY.seeds[0],
        sequences=STUDY.analysis.blocks * STUDY.analysis.sequences_per_block,
        backbone=BACKBONE,
    script:
        "../workflow_scripts/plot_gradient_similarity.py"


rule plot_gradient_summary:
    """Plot the numbers about gradient similarity, and how they change over training."""
    input:
        summary=f"{RESULTS}/analysis/{{dataset}}/{STUDY.protocol}/{BACKBONE}/gradient_summary.parquet",
    output:
        svg=report(
            f"{RESULTS}/figures/{{dataset}}/gradient_similarity_summary.svg",
            caption="report/gradient_similarity_summary.rst",
            category="Figures",
            labels={
                "figure": "gradient similarity in numbers",
                "data set": "{dataset}",
                "backbone": BACKBONE,
            },
        ),
        pdf=f"{RESULTS}/figures/{{dataset}}/gradient_similarity_summary.pdf",
        png=f"{RESULTS}/figures/{{dataset}}/gradient_similarity_summary.png",
        drawn=f"{RESULTS}/figures/{{dataset}}/gradient_similarity_summary.parquet",
    log:
        f"{RESULTS}/logs/plot_gradient_summary/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/plot_gradient_summary/{{dataset}}.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("plot_gradient_summary"),
        sequences=STUDY.analysis.blocks * STUDY.analysis.sequences_per_block,
        confidence=STUDY.statistics.confidence,
        backbone=BACKBONE,
    script:
        "../workflow_scripts/plot_gradient_summary.py"


rule plot_expert_usage:
    """Plot the experts' weights over the whole test set, for the study's first seed."""
    input:
        gates=f"{RESULTS}/analysis/{{dataset}}/{STUDY.protocol}/{BACKBONE}/ilora/default/seed~{STUDY.seeds[0]}/gates.parquet",
        usage=f"{RESULTS}/analysis/{{dataset}}/{STUDY.protocol}/{BACKBONE}/ilora/default/seed~{STUDY.seeds[0]}/expert_usage.parquet",
        clusters=f"{FIRST_CLUSTERS}/clusters.parquet",
        profiles=f"{FIRST_CLUSTERS}/profiles.parquet",
    output:
        svg=report(
            f"{RESULTS}/figures/{{dataset}}/expert_attention_all.svg",
            caption="report/expert_attention_all.rst",
            category="Figures",
            labels={
                "figure": "expert attention, test set",
                "data set": "{dataset}",
                "backbone": BACKBONE,
            },
        ),
        pdf=f"{RESULTS}/figures/{{dataset}}/expert_attention_all.pdf",
        png=f"{RESULTS}/figures/{{dataset}}/expert_attention_all.png",
        drawn=f"{RESULTS}/figures/{{dataset}}/expert_attention_all.parquet",
    log:
        f"{RESULTS}/logs/plot_expert_usage/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/plot_expert_usage/{{dataset}}.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("plot_expert_usage"),
        backbone=BACKBONE,
    script:
        "../workflow_scripts/plot_expert_usage.py"


rule plot_case_study:
    """Plot two pairs of sequences, of high and of low gradient similarity, for the study's first seed."""
    input:
        grams=case_study_gradients,
        clusters=f"{FIRST_CLUSTERS}/clusters.parquet",
        catalogue=f"{RESULTS}/data/{{dataset}}/{STUDY.protocol}/items.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/{STUDY.protocol}/sequences.parquet",
    output:
        svg=report(
            f"{RESULTS}/figures/{{dataset}}/case_study.svg",
            caption="report/case_study.rst",
            category="Figures",
            labels={"figure": "case study", "data set": "{dataset}", "backbone": BACKBONE},
        ),
        pdf=f"{RESULTS}/figures/{{dataset}}/case_study.pdf",
        png=f"{RESULTS}/figures/{{dataset}}/case_study.png",
        drawn=f"{RESULTS}/figures/{{dataset}}/case_study.parquet",
    log:
        f"{RESULTS}/logs/plot_case_study/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/plot_case_study/{{dataset}}.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("plot_case_study"),
        choice={"method": CASE_STUDY_METHOD, "seed": STUDY.seeds[0]},
        sequences=STUDY.analysis.case_study_sequences,
        backbone=BACKBONE,
    script:
        "../workflow_scripts/plot_case_study.py"

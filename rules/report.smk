# Tables and figures, with captions for `snakemake --report`.


report: "report/workflow.rst"


# Which test sequences the figure of expert attention shows: a choice of its own, the same in every study.
EXPERT_ATTENTION_SEED = 0


rule make_table1:
    """Compare all methods of the study, the paper's numbers beside ours."""
    input:
        metrics=f"{RESULTS}/tables/metrics.parquet",
        predictions=study_files("predictions.parquet"),
        differences=f"{RESULTS}/tables/differences.parquet",
        catalogues=data_files("items.parquet"),
        backbones=backbone_weights(),
    output:
        parquet=f"{RESULTS}/tables/table1.parquet",
        csv=f"{RESULTS}/tables/table1.csv",
        md=f"{RESULTS}/tables/table1.md",
        tex=f"{RESULTS}/tables/table1.tex",
        html=report(
            f"{RESULTS}/tables/table1.html",
            caption="report/table1.rst",
            category="Tables",
            labels={"table": "Table 1", "data set": "all", "backbone": BACKBONE},
        ),
    log:
        f"{RESULTS}/logs/make_table1.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/make_table1.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("make_table1"),
        intervals=intervals(),
        # Rows that stand in the table without numbers.
        without_key=runs_without_key(),
        # Whose titles are read by the small backbone, which the table says of no recommender.
        small_models=["morec"] if ENCODER.is_embedded else [],
        backbone=BACKBONE,  # for the caption, as in the rules below
    script:
        "../workflow_scripts/make_table1.py"


rule make_dataset_table:
    """Show how large the data sets are and what their preparation kept, the papers' numbers beside ours."""
    input:
        statistics=data_files("dataset_statistics.parquet"),
        steps=data_files("preparation_steps.parquet"),
    output:
        parquet=f"{RESULTS}/tables/dataset_statistics.parquet",
        csv=f"{RESULTS}/tables/dataset_statistics.csv",
        md=f"{RESULTS}/tables/dataset_statistics.md",
        tex=f"{RESULTS}/tables/dataset_statistics.tex",
        html=report(
            f"{RESULTS}/tables/dataset_statistics.html",
            caption="report/dataset_statistics.rst",
            category="Tables",
            labels={"table": "data sets", "data set": "all", "backbone": "none"},
        ),
    log:
        f"{RESULTS}/logs/make_dataset_table.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/make_dataset_table.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("make_dataset_table"),
        datasets=STUDY.datasets,
    script:
        "../workflow_scripts/make_dataset_table.py"


rule plot_hit_ratio:
    """Plot HitRatio@1 of every method with its interval."""
    input:
        table=f"{RESULTS}/tables/table1.parquet",
    output:
        svg=report(
            f"{RESULTS}/figures/{{dataset}}/hit_ratio.svg",
            caption="report/hit_ratio.rst",
            category="Figures",
            labels={"figure": "HitRatio@1", "data set": "{dataset}", "backbone": BACKBONE},
        ),
        pdf=f"{RESULTS}/figures/{{dataset}}/hit_ratio.pdf",
        png=f"{RESULTS}/figures/{{dataset}}/hit_ratio.png",
        drawn=f"{RESULTS}/figures/{{dataset}}/hit_ratio.parquet",
    log:
        f"{RESULTS}/logs/plot_hit_ratio/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/plot_hit_ratio/{{dataset}}.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("plot_hit_ratio"),
        candidates=STUDY.data.candidates,
        backbone=BACKBONE,
    script:
        "../workflow_scripts/plot_hit_ratio.py"


rule plot_training_curves:
    """Plot the fine-tuning loss of every tuned method and seed."""
    input:
        logs=expand(
            f"{RESULTS}/finetune/{{{{dataset}}}}/{STUDY.protocol}/{BACKBONE}/{{method}}/default/seed~{{seed}}/training_log.parquet",
            method=TUNED_METHODS,
            seed=STUDY.seeds,
        ),
    output:
        svg=report(
            f"{RESULTS}/figures/{{dataset}}/training_curves.svg",
            caption="report/training_curves.rst",
            category="Figures",
            labels={"figure": "training curves", "data set": "{dataset}", "backbone": BACKBONE},
        ),
        pdf=f"{RESULTS}/figures/{{dataset}}/training_curves.pdf",
        png=f"{RESULTS}/figures/{{dataset}}/training_curves.png",
        drawn=f"{RESULTS}/figures/{{dataset}}/training_curves.parquet",
    log:
        f"{RESULTS}/logs/plot_training_curves/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/plot_training_curves/{{dataset}}.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("plot_training_curves"),
        backbone=BACKBONE,
    script:
        "../workflow_scripts/plot_training_curves.py"


rule plot_expert_attention:
    """Plot the experts' weights of a few test sequences, for the study's first seed."""
    input:
        gates=f"{RESULTS}/analysis/{{dataset}}/{STUDY.protocol}/{BACKBONE}/ilora/default/seed~{STUDY.seeds[0]}/gates.parquet",
    output:
        svg=report(
            f"{RESULTS}/figures/{{dataset}}/expert_attention.svg",
            caption="report/expert_attention.rst",
            category="Figures",
            labels={"figure": "expert attention", "data set": "{dataset}", "backbone": BACKBONE},
        ),
        pdf=f"{RESULTS}/figures/{{dataset}}/expert_attention.pdf",
        png=f"{RESULTS}/figures/{{dataset}}/expert_attention.png",
        drawn=f"{RESULTS}/figures/{{dataset}}/expert_attention.parquet",
    log:
        f"{RESULTS}/logs/plot_expert_attention/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/plot_expert_attention/{{dataset}}.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("plot_expert_attention"),
        choice={
            "sequences": STUDY.figures.expert_attention_sequences,
            "seed": EXPERT_ATTENTION_SEED,
        },
        backbone=BACKBONE,
    script:
        "../workflow_scripts/plot_expert_attention.py"

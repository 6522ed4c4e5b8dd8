# From predictions to metrics with intervals.


rule compute_metrics:
    """Compute the metrics of one run, with intervals over users."""
    input:
        predictions=f"{RESULTS}/{{run}}/predictions.parquet",
    output:
        metrics=f"{RESULTS}/{{run}}/metrics.parquet",
    log:
        f"{RESULTS}/logs/compute_metrics/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/compute_metrics/{{run}}.tsv"
    wildcard_constraints:
        run="(recommenders|baselines|llm)/.+",
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("compute_metrics"),
        intervals=intervals(),
    script:
        "../workflow_scripts/compute_metrics.py"


rule collect_metrics:
    """Put all metrics of the study into one table; refuse runs on different candidate sets."""
    input:
        metrics=study_files("metrics.parquet"),
        predictions=study_files("predictions.parquet"),
    output:
        metrics=f"{RESULTS}/tables/metrics.parquet",
    log:
        f"{RESULTS}/logs/collect_metrics.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/collect_metrics.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("collect_metrics"),
    script:
        "../workflow_scripts/collect_metrics.py"

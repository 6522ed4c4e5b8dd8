# From predictions to metrics with intervals, comparisons and what goes wrong.

# The method that all others are compared with.
REFERENCE_METHOD = "ilora"

# Which test answers are kept for reading: a choice of its own, the same in every study.
ANSWER_SAMPLE = {"rows": 50, "seed": 0}


rule compute_metrics:
    """Compute the metrics of one run, with intervals over users."""
    input:
        predictions=f"{RESULTS}/{{run}}/predictions.parquet",
        catalogue=data_of_run("items.parquet"),
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
    """Put all metrics of the study into one table; refuse runs that are not on the frozen candidate sets."""
    input:
        metrics=study_files("metrics.parquet"),
        predictions=study_files("predictions.parquet"),
        candidates=data_files("candidates.parquet"),
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
        draws={method: STUDY.chat.draws for method in METHODS if method in CHAT_METHODS},
    script:
        "../workflow_scripts/collect_metrics.py"


rule compare_methods:
    """Compare iLoRA with every other method: differences, tests, and the smallest difference they would find."""
    input:
        predictions=study_files("predictions.parquet"),
        comparable=f"{RESULTS}/tables/metrics.parquet",
    output:
        differences=f"{RESULTS}/tables/differences.parquet",
    log:
        f"{RESULTS}/logs/compare_methods.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/compare_methods.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("compare_methods"),
        reference=REFERENCE_METHOD,
        intervals=intervals(),
    script:
        "../workflow_scripts/compare_methods.py"


rule analyse_errors:
    """Analyse where the answers of one run go wrong, and sample answers to be read."""
    input:
        predictions=f"{RESULTS}/{{run}}/predictions.parquet",
        catalogue=data_of_run("items.parquet"),
        sequences=data_of_run("sequences.parquet"),
    output:
        analysis=f"{RESULTS}/{{run}}/error_analysis.parquet",
        sample=f"{RESULTS}/{{run}}/answer_sample.parquet",
    log:
        f"{RESULTS}/logs/analyse_errors/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/analyse_errors/{{run}}.tsv"
    wildcard_constraints:
        run="(recommenders|baselines|llm)/.+",
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("analyse_errors"),
        intervals=intervals(),
        sample=ANSWER_SAMPLE,
    script:
        "../workflow_scripts/analyse_errors.py"


rule collect_error_analyses:
    """Put all error analyses of the study into one table, with the mean over the seeds of each method."""
    input:
        analyses=study_files("error_analysis.parquet"),
        predictions=study_files("predictions.parquet"),
        catalogues=data_files("items.parquet"),
        sequences=data_files("sequences.parquet"),
        comparable=f"{RESULTS}/tables/metrics.parquet",
    output:
        analysis=f"{RESULTS}/tables/error_analysis.parquet",
    log:
        f"{RESULTS}/logs/collect_error_analyses.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/collect_error_analyses.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("collect_error_analyses"),
        intervals=intervals(),
    script:
        "../workflow_scripts/collect_error_analyses.py"

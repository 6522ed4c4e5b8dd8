# From predictions to metrics with intervals, comparisons and error analyses.


wildcard_constraints:
    run=r"(recommenders|baselines|generative|llm)/.+",


rule compute_metrics:
    """Compute the metrics of one run, with intervals over users (one training)."""
    input:
        predictions=layout.run_predictions,
        catalogue=data.catalogue_of_run,
    output:
        metrics=layout.run_metrics,
    localrule: True
    conda:
        "../envs/evaluation.yaml"
    params:
        code=code_version("compute_metrics"),
        intervals=study.config.statistics.intervals,
    script:
        "../workflow_scripts/compute_metrics.py"


rule collect_metrics:
    """Collect all metrics of the study in one table, and refuse runs on other than the frozen candidate sets."""
    input:
        metrics=targets.of_runs("metrics.parquet"),
        predictions=targets.predictions,
        candidates=data.of_study(layout.candidates),
    output:
        metrics=layout.metrics,
    conda:
        "../envs/evaluation.yaml"
    params:
        code=code_version("collect_metrics"),
        draws=study.chat_draws,
    script:
        "../workflow_scripts/collect_metrics.py"


rule compare_methods:
    """Compare iLoRA with every other method: differences, tests, and the smallest detectable difference."""
    input:
        predictions=targets.predictions,
        comparable=rules.collect_metrics.output.metrics,
    output:
        differences=layout.differences,
    conda:
        "../envs/evaluation.yaml"
    params:
        code=code_version("compare_methods"),
        # The reference method of all comparisons.
        reference="ilora",
        intervals=study.config.statistics.intervals,
    script:
        "../workflow_scripts/compare_methods.py"


rule analyse_errors:
    """Analyse the errors of one run, and sample answers for reading."""
    input:
        predictions=layout.run_predictions,
        catalogue=data.catalogue_of_run,
        sequences=data.sequences_of_run,
    output:
        analysis=layout.run_errors,
        sample=layout.run_answer_sample,
    localrule: True
    conda:
        "../envs/evaluation.yaml"
    params:
        code=code_version("analyse_errors"),
        intervals=study.config.statistics.intervals,
        sample=SAMPLE,
    script:
        "../workflow_scripts/analyse_errors.py"


rule collect_error_analyses:
    """Collect all error analyses of the study in one table, and add the mean over seeds of each method."""
    input:
        analyses=targets.of_runs("error_analysis.parquet"),
        predictions=targets.predictions,
        catalogues=data.of_study(layout.items),
        sequences=data.of_study(layout.sequences),
        comparable=rules.collect_metrics.output.metrics,
    output:
        analysis=layout.error_analysis,
    conda:
        "../envs/evaluation.yaml"
    params:
        code=code_version("collect_error_analyses"),
        intervals=study.config.statistics.intervals,
    script:
        "../workflow_scripts/collect_error_analyses.py"

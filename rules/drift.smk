# Drift: how methods age, with items of each user withheld and over periods of a global clock.


rule measure_gaps:
    """Measure every method with increasing numbers of items of each user withheld from training."""
    input:
        predictions=drift.gap_predictions,
    output:
        table=layout.gap_drift,
    localrule: True
    conda:
        "../envs/evaluation.yaml"
    params:
        code=code_version("measure_gaps"),
        intervals=study.config.statistics.intervals,
    script:
        "../workflow_scripts/measure_gaps.py"


rule measure_periods:
    """Measure every method in each period, trained once or again before each period."""
    input:
        predictions=drift.period_predictions,
    output:
        table=layout.period_drift,
    localrule: True
    conda:
        "../envs/evaluation.yaml"
    params:
        code=code_version("measure_periods"),
        intervals=study.config.statistics.intervals,
    script:
        "../workflow_scripts/measure_periods.py"

# Ablations: one setting of the tuned methods over several values. A run that several sweeps ask for is one run.


wildcard_constraints:
    sweep=one_of(STUDY.sweeps),
    step=r"\d+",


# A snapshot answers fewer candidate sets than the adapter that training ends with: curves need many answers.
use rule answer_fine_tuned as answer_snapshot with:
    input:
        unpack(backbone_files),
        unpack(guide_files_of_method),
        unpack(adapter_files),
        snapshots=f"{TUNED}/snapshots",
        catalogue=f"{RESULTS}/data/{{dataset}}/{{protocol}}/items.parquet",
        interactions=f"{RESULTS}/data/{{dataset}}/{{protocol}}/interactions.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/{{protocol}}/sequences.parquet",
        candidates=f"{RESULTS}/data/{{dataset}}/{{protocol}}/candidates.parquet",
    output:
        predictions=f"{STEP_ANSWERS}/predictions.parquet",
    log:
        f"{RESULTS}/logs/answer_snapshot/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}/step~{{step}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/answer_snapshot/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}/step~{{step}}.tsv"
    params:
        code=code_version("answer_fine_tuned"),
        tuning=tuning_of,
        adapter=lambda wildcards, input: f"{input.snapshots}/step~{wildcards.step}",
        draws=STUDY.figures.snapshot_draws,
        config=answering_of,


rule measure_sweep:
    """Measure every cell of a sweep on one data set, and compare the study's own setting with each other one."""
    input:
        predictions=cell_predictions,
        candidates=f"{RESULTS}/data/{{dataset}}/{{protocol}}/candidates.parquet",
        catalogue=f"{RESULTS}/data/{{dataset}}/{{protocol}}/items.parquet",
    output:
        sweep=f"{SWEEP_TABLES}/{{sweep}}.parquet",
    log:
        f"{RESULTS}/logs/measure_sweep/{{dataset}}/{{protocol}}/{{backbone}}/{{sweep}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/measure_sweep/{{dataset}}/{{protocol}}/{{backbone}}/{{sweep}}.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(30),
    params:
        code=code_version("measure_sweep"),
        parameter=lambda wildcards: STUDY.sweeps[wildcards.sweep].parameter,
        cells=cells_for_script,
        intervals=intervals(),
    script:
        "../workflow_scripts/measure_sweep.py"


rule measure_sweep_curves:
    """Measure HitRatio@1 over the fine-tuning of every cell of a sweep on one data set."""
    input:
        snapshots=snapshot_predictions,
        predictions=cell_predictions,
        candidates=f"{RESULTS}/data/{{dataset}}/{{protocol}}/candidates.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/{{protocol}}/sequences.parquet",
    output:
        curves=f"{SWEEP_TABLES}/{{sweep}}_by_epoch.parquet",
    log:
        f"{RESULTS}/logs/measure_sweep_curves/{{dataset}}/{{protocol}}/{{backbone}}/{{sweep}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/measure_sweep_curves/{{dataset}}/{{protocol}}/{{backbone}}/{{sweep}}.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(30),
    params:
        code=code_version("measure_sweep_curves"),
        parameter=lambda wildcards: STUDY.sweeps[wildcards.sweep].parameter,
        cells=cells_for_script,
        lengths=lengths_for_script,
        draws=STUDY.figures.snapshot_draws,
        intervals=intervals(),
    script:
        "../workflow_scripts/measure_sweep_curves.py"


rule collect_sweeps:
    """Put what all sweeps measured into one table, apart from the study's main one."""
    input:
        sweeps=[
            f"{SWEEP_TABLES}/{name}.parquet".format(
                dataset=dataset, protocol=STUDY.protocol, backbone=BACKBONE
            )
            for name, sweep in STUDY.sweeps.items()
            for dataset in sweep_datasets(STUDY, sweep)
        ],
    output:
        sweeps=f"{RESULTS}/tables/sweeps.parquet",
    log:
        f"{RESULTS}/logs/collect_sweeps.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/collect_sweeps.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("collect_sweeps"),
    script:
        "../workflow_scripts/collect_sweeps.py"


rule plot_sweep:
    """Plot HitRatio@1 of every cell of a sweep, and what the study's own setting gains over it."""
    input:
        sweep=f"{RESULTS}/analysis/{{dataset}}/{STUDY.protocol}/{BACKBONE}/sweeps/{{sweep}}.parquet",
    output:
        svg=report(
            f"{RESULTS}/figures/{{dataset}}/{{sweep}}.svg",
            caption="report/sweep.rst",
            category="Ablations",
            labels={"figure": "{sweep}", "data set": "{dataset}", "backbone": BACKBONE},
        ),
        pdf=f"{RESULTS}/figures/{{dataset}}/{{sweep}}.pdf",
        png=f"{RESULTS}/figures/{{dataset}}/{{sweep}}.png",
        drawn=f"{RESULTS}/figures/{{dataset}}/{{sweep}}.parquet",
    log:
        f"{RESULTS}/logs/plot_sweep/{{dataset}}/{{sweep}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/plot_sweep/{{dataset}}/{{sweep}}.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("plot_sweep"),
        heading=sweep_heading,
        note=sweep_note,
        parameter=lambda wildcards: STUDY.sweeps[wildcards.sweep].parameter,
        backbone=BACKBONE,
    script:
        "../workflow_scripts/plot_sweep.py"


rule plot_sweep_curves:
    """Plot HitRatio@1 over the fine-tuning of every cell of a sweep."""
    input:
        curves=f"{RESULTS}/analysis/{{dataset}}/{STUDY.protocol}/{BACKBONE}/sweeps/{{sweep}}_by_epoch.parquet",
    output:
        svg=report(
            f"{RESULTS}/figures/{{dataset}}/{{sweep}}_by_epoch.svg",
            caption="report/sweep_curves.rst",
            category="Ablations",
            labels={"figure": "{sweep} by epoch", "data set": "{dataset}", "backbone": BACKBONE},
        ),
        pdf=f"{RESULTS}/figures/{{dataset}}/{{sweep}}_by_epoch.pdf",
        png=f"{RESULTS}/figures/{{dataset}}/{{sweep}}_by_epoch.png",
        drawn=f"{RESULTS}/figures/{{dataset}}/{{sweep}}_by_epoch.parquet",
    log:
        f"{RESULTS}/logs/plot_sweep_curves/{{dataset}}/{{sweep}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/plot_sweep_curves/{{dataset}}/{{sweep}}.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("plot_sweep_curves"),
        heading=sweep_heading,
        note=sweep_note,
        draws=STUDY.figures.snapshot_draws,
        backbone=BACKBONE,
    script:
        "../workflow_scripts/plot_sweep_curves.py"

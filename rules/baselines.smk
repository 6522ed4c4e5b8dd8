# Baselines that need neither a language model nor training.


rule score_baseline:
    """Score every candidate by item popularity or a first-order Markov chain."""
    input:
        catalogue=f"{RESULTS}/data/{{dataset}}/{{protocol}}/items.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/{{protocol}}/sequences.parquet",
        candidates=f"{RESULTS}/data/{{dataset}}/{{protocol}}/candidates.parquet",
    output:
        predictions=f"{RESULTS}/baselines/{{dataset}}/{{protocol}}/{{baseline}}/predictions.parquet",
    log:
        f"{RESULTS}/logs/score_baseline/{{dataset}}/{{protocol}}/{{baseline}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/score_baseline/{{dataset}}/{{protocol}}/{{baseline}}.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("score_baseline"),
    script:
        "../workflow_scripts/score_baseline.py"

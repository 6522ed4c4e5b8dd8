# From raw data sets to interactions, sequences and candidate sets.


rule prepare_interactions:
    """Read a raw data set; keep, number and order what the protocol keeps."""
    input:
        source=raw_files,
    output:
        interactions=f"{RESULTS}/data/{{dataset}}/{{protocol}}/interactions.parquet",
        catalogue=f"{RESULTS}/data/{{dataset}}/{{protocol}}/items.parquet",
        steps=f"{RESULTS}/data/{{dataset}}/{{protocol}}/preparation_steps.parquet",
    log:
        f"{RESULTS}/logs/prepare_interactions/{{dataset}}/{{protocol}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/prepare_interactions/{{dataset}}/{{protocol}}.tsv"
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=version_of_preparation,
        source=raw_source,
        own=own_of,
        filters=filters_of,
    script:
        "../workflow_scripts/prepare_interactions.py"


rule make_sequences:
    """Split the users and cut their interactions into histories and targets."""
    input:
        interactions=f"{RESULTS}/data/{{dataset}}/{{protocol}}/interactions.parquet",
    output:
        sequences=f"{RESULTS}/data/{{dataset}}/{{protocol}}/sequences.parquet",
    log:
        f"{RESULTS}/logs/make_sequences/{{dataset}}/{{protocol}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/make_sequences/{{dataset}}/{{protocol}}.tsv"
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("make_sequences"),
        split_seed=STUDY.data.split_seed,
        minimum_history=STUDY.data.minimum_history,
        maximum_history=STUDY.data.maximum_history,
    script:
        "../workflow_scripts/make_sequences.py"


rule draw_candidates:
    """Draw the candidate sets of the val and test sequences, once for every method."""
    input:
        interactions=f"{RESULTS}/data/{{dataset}}/{{protocol}}/interactions.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/{{protocol}}/sequences.parquet",
    output:
        candidates=f"{RESULTS}/data/{{dataset}}/{{protocol}}/candidates.parquet",
    log:
        f"{RESULTS}/logs/draw_candidates/{{dataset}}/{{protocol}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/draw_candidates/{{dataset}}/{{protocol}}.tsv"
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("draw_candidates"),
        size=STUDY.data.candidates,
        draws=STUDY.data.draws,
        seed=STUDY.data.candidate_seed,
    script:
        "../workflow_scripts/draw_candidates.py"


rule compute_dataset_statistics:
    """Count users, items, interactions and sequences, as the protocol keeps them."""
    input:
        interactions=f"{RESULTS}/data/{{dataset}}/{{protocol}}/interactions.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/{{protocol}}/sequences.parquet",
    output:
        statistics=f"{RESULTS}/data/{{dataset}}/{{protocol}}/dataset_statistics.parquet",
    log:
        f"{RESULTS}/logs/compute_dataset_statistics/{{dataset}}/{{protocol}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/compute_dataset_statistics/{{dataset}}/{{protocol}}.tsv"
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("compute_dataset_statistics"),
    script:
        "../workflow_scripts/compute_dataset_statistics.py"

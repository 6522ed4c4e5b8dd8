# Synthetic users in groups that contradict each other: what instance-wise adaptation does about negative transfer.

RING_BACKBONE = f"{RESULTS}/negative_transfer/backbone"
SYNTHETIC = f"{RESULTS}/negative_transfer/degree~{{degree}}/seed~{{seed}}"


wildcard_constraints:
    degree=r"\d+(\.\d+)?",


rule pretrain_ring_backbone:
    """Pretrain the small Llama that is tuned on synthetic users."""
    output:
        config=f"{RING_BACKBONE}/config.json",
        model=f"{RING_BACKBONE}/model.safetensors",
        log=f"{RESULTS}/negative_transfer/pretraining_log.parquet",
    log:
        f"{RESULTS}/logs/pretrain_ring_backbone.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/pretrain_ring_backbone.tsv"
    conda:
        "../envs/llm.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(20),
    params:
        code=code_version("pretrain_ring_backbone"),
        config=STUDY.negative_transfer.model_dump(
            mode="json", include={"items", "groups", "history", "backbone_seed", "pretraining_steps"}
        ),
    script:
        "../workflow_scripts/pretrain_ring_backbone.py"


rule tune_synthetic_users:
    """Tune every method on synthetic users, at one degree of contradiction between their groups."""
    input:
        config=f"{RING_BACKBONE}/config.json",
        model=f"{RING_BACKBONE}/model.safetensors",
    output:
        outcomes=f"{SYNTHETIC}/outcomes.parquet",
        similarities=f"{SYNTHETIC}/similarities.parquet",
    log:
        f"{RESULTS}/logs/tune_synthetic_users/degree~{{degree}}/seed~{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/tune_synthetic_users/degree~{{degree}}/seed~{{seed}}.tsv"
    conda:
        "../envs/llm.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(30),
    params:
        code=code_version("tune_synthetic_users"),
        config=STUDY.negative_transfer.model_dump(
            mode="json",
            include={
                "items",
                "groups",
                "history",
                "r",
                "lora_alpha",
                "steps",
                "batch_size",
                "learning_rate",
                "test_sequences",
            },
        ),
    script:
        "../workflow_scripts/tune_synthetic_users.py"


rule summarise_negative_transfer:
    """Summarise what every method reaches on synthetic users, over seeds."""
    input:
        outcomes=synthetic_files("outcomes.parquet"),
        similarities=synthetic_files("similarities.parquet"),
    output:
        summary=f"{RESULTS}/analysis/negative_transfer.parquet",
    log:
        f"{RESULTS}/logs/summarise_negative_transfer.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/summarise_negative_transfer.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("summarise_negative_transfer"),
        confidence=STUDY.statistics.confidence,
    script:
        "../workflow_scripts/summarise_negative_transfer.py"


rule plot_negative_transfer:
    """Plot what every method reaches on synthetic users, over the degree to which their groups contradict each other."""
    input:
        summary=f"{RESULTS}/analysis/negative_transfer.parquet",
    output:
        svg=report(
            f"{RESULTS}/figures/negative_transfer.svg",
            caption="report/negative_transfer.rst",
            category="Figures",
            labels={
                "figure": "negative transfer",
                "data set": "synthetic",
                "backbone": "a Llama of two layers",
            },
        ),
        pdf=f"{RESULTS}/figures/negative_transfer.pdf",
        png=f"{RESULTS}/figures/negative_transfer.png",
        drawn=f"{RESULTS}/figures/negative_transfer.parquet",
    log:
        f"{RESULTS}/logs/plot_negative_transfer.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/plot_negative_transfer.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("plot_negative_transfer"),
        study=STUDY.negative_transfer.model_dump(
            mode="json", include={"groups", "items", "r", "test_sequences"}
        ),
        confidence=STUDY.statistics.confidence,
    script:
        "../workflow_scripts/plot_negative_transfer.py"

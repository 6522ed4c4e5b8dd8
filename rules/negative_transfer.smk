# Synthetic users in groups that contradict each other: the effect of instance-wise adaptation on negative transfer.


rule pretrain_ring_backbone:
    """Pretrain the small Llama that is tuned on synthetic users."""
    output:
        config=layout.ring_backbone_config,
        model=layout.ring_backbone_weights,
        log=layout.ring_backbone_log,
    conda:
        "../envs/llm.yaml"
    resources:
        runtime=requests.minutes(20),
    params:
        code=code_version("pretrain_ring_backbone"),
        negative_transfer=study.config.negative_transfer.plain(
            "items", "groups", "history", "backbone_seed", "pretraining_steps"
        ),
    script:
        "../workflow_scripts/pretrain_ring_backbone.py"


rule tune_synthetic_users:
    """Tune every method on synthetic users, at one degree of contradiction between their groups."""
    input:
        config=rules.pretrain_ring_backbone.output.config,
        model=rules.pretrain_ring_backbone.output.model,
    output:
        outcomes=layout.synthetic_outcomes,
        similarities=layout.synthetic_similarities,
    conda:
        "../envs/llm.yaml"
    resources:
        runtime=requests.minutes(30),
    params:
        code=code_version("tune_synthetic_users"),
        negative_transfer=study.config.negative_transfer.plain(
            "items",
            "groups",
            "history",
            "r",
            "lora_alpha",
            "steps",
            "batch_size",
            "learning_rate",
            "test_sequences",
        ),
    script:
        "../workflow_scripts/tune_synthetic_users.py"


rule summarise_negative_transfer:
    """Summarise the outcomes of every method on synthetic users, over seeds."""
    input:
        outcomes=targets.synthetic(layout.synthetic_outcomes),
        similarities=targets.synthetic(layout.synthetic_similarities),
    output:
        summary=layout.negative_transfer,
    localrule: True
    conda:
        "../envs/evaluation.yaml"
    params:
        code=code_version("summarise_negative_transfer"),
        confidence=study.config.statistics.confidence,
    script:
        "../workflow_scripts/summarise_negative_transfer.py"

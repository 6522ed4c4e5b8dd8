# A simulation of recommend, click and retrain over many rounds, with the synthetic users of negative_transfer.


rule simulate_feedback_by_recommenders:
    """Simulate rounds of recommend, click and retrain for the oracle, popularity and SASRec."""
    output:
        outcomes=layout.feedback_by_recommenders,
    conda:
        "../envs/recommenders.yaml"
    # A constant, as for `train_recommender`.
    threads: 1
    resources:
        runtime=requests.minutes(30),
    params:
        code=code_version("simulate_feedback_by_recommenders"),
        feedback=feedback.settings_of_recommenders,
        synthetic=study.config.negative_transfer.plain("items", "groups", "history"),
        sasrec=study.config.recommenders.sasrec.plain(),
        embedding_size=study.config.recommenders.embedding_size,
    script:
        "../workflow_scripts/simulate_feedback_by_recommenders.py"


rule simulate_feedback_by_adapters:
    """Simulate rounds of recommend, click and retrain for a language model with LoRA and one with iLoRA."""
    input:
        config=rules.pretrain_ring_backbone.output.config,
        model=rules.pretrain_ring_backbone.output.model,
    output:
        outcomes=layout.feedback_by_adapters,
    conda:
        "../envs/llm.yaml"
    resources:
        runtime=requests.minutes(30),
    params:
        code=code_version("simulate_feedback_by_adapters"),
        feedback=feedback.settings_of_adapters,
        synthetic=study.config.negative_transfer.plain("items", "groups", "history", "r", "lora_alpha"),
    script:
        "../workflow_scripts/simulate_feedback_by_adapters.py"


rule summarise_feedback:
    """Summarise the outcomes of every policy in each round, over seeds."""
    input:
        outcomes=feedback.outcomes,
    output:
        summary=layout.feedback,
    localrule: True
    conda:
        "../envs/evaluation.yaml"
    params:
        code=code_version("summarise_feedback"),
        confidence=study.config.statistics.confidence,
    script:
        "../workflow_scripts/summarise_feedback.py"

# A simulation of recommend, click and retrain over many rounds, by the synthetic users of negative_transfer.


rule simulate_feedback_by_recommenders:
    """Let the oracle, popularity and SASRec recommend, be clicked on and retrained, round after round."""
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
    """Let a language model with LoRA, and one with iLoRA, recommend, be clicked on and tuned, round after round."""
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
    """Summarise what every policy reaches in each round, over seeds."""
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

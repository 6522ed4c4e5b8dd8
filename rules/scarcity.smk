# Little to learn from or to answer from: few training users, short histories, rare items, and what gates do then.


rule measure_shares:
    """Measure every method trained on shares of the training users."""
    input:
        predictions=scarcity.user_predictions,
        sequences=scarcity.sequences,
    output:
        table=layout.scarce_users,
    localrule: True
    conda:
        "../envs/evaluation.yaml"
    params:
        code=code_version("measure_shares"),
        intervals=study.config.statistics.intervals,
    script:
        "../workflow_scripts/measure_shares.py"


rule measure_histories:
    """Measure every method with test histories cut to their last items."""
    input:
        predictions=scarcity.history_predictions,
    output:
        table=layout.short_histories,
    localrule: True
    conda:
        "../envs/evaluation.yaml"
    params:
        code=code_version("measure_histories"),
        longest=scarcity.longest,
        intervals=study.config.statistics.intervals,
    script:
        "../workflow_scripts/measure_histories.py"


rule measure_items:
    """Measure every method by the number of training interactions with the target."""
    input:
        predictions=scarcity.item_predictions,
        sequences=scarcity.sequences,
        catalogue=scarcity.catalogue,
    output:
        table=layout.rare_items,
    localrule: True
    conda:
        "../envs/evaluation.yaml"
    params:
        code=code_version("measure_items"),
        floors=study.config.scarcity.frequency_floors,
        intervals=study.config.statistics.intervals,
    script:
        "../workflow_scripts/measure_items.py"


rule compute_cold_gates:
    """Compute the expert weights of an unknown user."""
    input:
        unpack(tuning.encoder_files),
        unpack(tuning.adapter_files),
        sequences=rules.make_sequences.output.sequences,
    output:
        gates=layout.cold_gates,
    wildcard_constraints:
        method=methods_that(is_gated=True),
    conda:
        "../envs/llm.yaml"
    threads: requests.threads
    params:
        code=code_version("compute_cold_gates"),
    script:
        "../workflow_scripts/compute_cold_gates.py"


rule measure_gates:
    """Measure what gates do with short histories, and with an unknown user."""
    input:
        gates=scarcity.gates,
        cold_gates=scarcity.cold_gates,
        sequences=scarcity.sequences,
    output:
        table=layout.gates_of_short_histories,
    localrule: True
    conda:
        "../envs/evaluation.yaml"
    params:
        code=code_version("measure_gates"),
        longest=scarcity.longest,
        intervals=study.config.statistics.intervals,
    script:
        "../workflow_scripts/measure_gates.py"

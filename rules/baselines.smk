# Baselines that need neither a language model nor training.


rule score_baseline:
    """Score every candidate by item popularity or a first-order Markov chain."""
    input:
        catalogue=rules.prepare_interactions.output.catalogue,
        sequences=rules.make_sequences.output.sequences,
        candidates=rules.draw_candidates.output.candidates,
    output:
        predictions=layout.baseline_predictions,
    conda:
        "../envs/evaluation.yaml"
    params:
        code=code_version("score_baseline"),
    script:
        "../workflow_scripts/score_baseline.py"

# Full rankings, of each target among all items: Table 2.


rule rank_by_baseline:
    """Rank all items by item popularity or a first-order Markov chain."""
    input:
        interactions=rules.prepare_interactions.output.interactions,
        catalogue=rules.prepare_interactions.output.catalogue,
        sequences=rules.make_sequences.output.sequences,
    output:
        ranks=layout.baseline_ranks,
    conda:
        "../envs/evaluation.yaml"
    params:
        code=code_version("rank_by_baseline"),
        leaves_seen_out=full_ranking.leaves_seen_out,
    script:
        "../workflow_scripts/rank_by_baseline.py"


rule rank_by_recommender:
    """Rank all items by the vectors of a trained recommender."""
    input:
        interactions=rules.prepare_interactions.output.interactions,
        sequences=rules.make_sequences.output.sequences,
        item_embeddings=layout.recommender_file("item_embeddings.safetensors"),
        sequence_representations=layout.recommender_file("sequence_representations.safetensors"),
    output:
        ranks=layout.recommender_file("ranks.parquet"),
    conda:
        "../envs/recommenders.yaml"
    params:
        code=code_version("rank_by_recommender"),
        leaves_seen_out=full_ranking.leaves_seen_out,
    script:
        "../workflow_scripts/rank_by_recommender.py"


rule plan_full_ranking:
    """Estimate the cost of ranking all items by the likelihood of their titles, before it is submitted."""
    input:
        unpack(models.backbone_files),
        catalogue=rules.prepare_interactions.output.catalogue,
        sequences=rules.make_sequences.output.sequences,
    output:
        plan=layout.ranking_plan,
    # Local, so that it can be read before a GPU is requested; no weights are loaded.
    localrule: True
    conda:
        "../envs/llm.yaml"
    resources:
        mem_mb=requests.memory(2500),
    params:
        code=code_version("plan_full_ranking"),
        wording=data.wording_of_study,
        backbone=models.backbone,
        prompt_kind=tuning.prompt_kind,
        config=tuning.inference,
        seed=study.config.seeds[0],
    script:
        "../workflow_scripts/plan_full_ranking.py"


rule rank_by_fine_tuned:
    """Rank all items by the likelihood of their titles, with a tuned adapter."""
    input:
        unpack(models.backbone_files),
        unpack(tuning.encoder_files),
        unpack(tuning.adapter_files),
        plan=ancient(rules.plan_full_ranking.output.plan),
        interactions=rules.prepare_interactions.output.interactions,
        catalogue=rules.prepare_interactions.output.catalogue,
        sequences=rules.make_sequences.output.sequences,
    output:
        ranks=layout.tuned_ranks,
    wildcard_constraints:
        method=methods_that(is_tuned=True),
    conda:
        "../envs/llm.yaml"
    threads: requests.threads
    resources:
        **{**requests.answering(tuning.plan), "runtime": requests.minutes(480)},
    params:
        code=code_version("rank_by_fine_tuned"),
        tuning=tuning.settings,
        adapter=tuning.adapter_folder,
        config=tuning.inference,
        leaves_seen_out=full_ranking.leaves_seen_out,
    script:
        "../workflow_scripts/rank_by_fine_tuned.py"


rule rank_zero_shot:
    """Rank all items by the likelihood of their titles, with the untuned backbone and the text-only prompt."""
    input:
        unpack(models.backbone_files),
        plan=ancient(rules.plan_full_ranking.output.plan),
        interactions=rules.prepare_interactions.output.interactions,
        catalogue=rules.prepare_interactions.output.catalogue,
        sequences=rules.make_sequences.output.sequences,
    output:
        ranks=layout.untuned_ranks,
    wildcard_constraints:
        method=methods_that(is_tuned=False),
    conda:
        "../envs/llm.yaml"
    threads: requests.threads
    resources:
        **{**requests.inference, "runtime": requests.minutes(480)},
    params:
        code=code_version("rank_zero_shot"),
        wording=data.wording_of_study,
        backbone=models.backbone,
        config=tuning.inference,
        leaves_seen_out=full_ranking.leaves_seen_out,
    script:
        "../workflow_scripts/rank_zero_shot.py"


rule collect_rankings:
    """Collect the metrics of all rankings in one table, compare the methods, and refuse ranks of other targets."""
    input:
        ranks=full_ranking.ranks,
        sequences=data.of_study(layout.sequences),
    output:
        summary=layout.ranking_summary,
        differences=layout.ranking_differences,
    conda:
        "../envs/evaluation.yaml"
    resources:
        # The bootstrap stores how often each user occurs in each sample.
        mem_mb=requests.memory(4000),
    params:
        code=code_version("collect_rankings"),
        reference=full_ranking.reference,
        intervals=study.config.statistics.intervals,
    script:
        "../workflow_scripts/collect_rankings.py"

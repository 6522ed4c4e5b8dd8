# Each target ranked among all items: Table 2.


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


rule collect_rankings:
    """Put the metrics of all rankings into one table, and compare the methods; refuse ranks of other targets."""
    input:
        ranks=full_ranking.ranks,
        sequences=data.of_study(layout.sequences),
    output:
        summary=layout.ranking_summary,
        differences=layout.ranking_differences,
    conda:
        "../envs/evaluation.yaml"
    resources:
        # The bootstrap holds how often each user is in each sample.
        mem_mb=requests.memory(4000),
    params:
        code=code_version("collect_rankings"),
        reference=full_ranking.reference,
        intervals=study.config.statistics.intervals,
    script:
        "../workflow_scripts/collect_rankings.py"

# Repeated random splits of the users: how much HitRatio@1 depends on which users are tested.


rule score_random_splits:
    """Score the candidates of every random split by item popularity or a first-order Markov chain."""
    input:
        interactions=rules.prepare_interactions.output.interactions,
        catalogue=rules.prepare_interactions.output.catalogue,
        splits=data.named_splits,
    output:
        hits=layout.baseline_on_splits,
    conda:
        "../envs/evaluation.yaml"
    params:
        code=code_version("score_random_splits", by_wildcards=data.modules_of_split),
        own=data.own_split,
        released_facts=data.released_facts,
        users=random_splits.users,
        settings=random_splits.settings,
    script:
        "../workflow_scripts/score_random_splits.py"


rule train_on_random_split:
    """Train a recommender on one random split, and measure it on the test users of that split."""
    input:
        unpack(recommenders.searched_weight_decay),
        interactions=rules.prepare_interactions.output.interactions,
        catalogue=rules.prepare_interactions.output.catalogue,
        splits=data.named_splits,
    output:
        hits=layout.recommender_on_split,
    conda:
        "../envs/recommenders.yaml"
    # A constant, as for `train_recommender`.
    threads: 1
    resources:
        runtime=requests.minutes(30),
    params:
        code=code_version("train_on_random_split", by_wildcards=data.modules_of_split),
        own=data.own_split,
        released_facts=data.released_facts,
        settings=random_splits.settings,
        architecture=recommenders.architecture,
        training=recommenders.training,
        embedding_size=study.config.recommenders.embedding_size,
    script:
        "../workflow_scripts/train_on_random_split.py"


rule collect_random_splits:
    """Collect HitRatio@1 of every method on every random split of a data set in one table."""
    input:
        hits=random_splits.hits,
    output:
        table=layout.random_splits,
    localrule: True
    conda:
        "../envs/evaluation.yaml"
    params:
        code=code_version("collect_random_splits"),
    script:
        "../workflow_scripts/collect_random_splits.py"

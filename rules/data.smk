# From raw data sets to interactions, sequences and candidate sets.


rule cut_periods:
    """Compute when the periods of the protocol rolling begin, from the times of all interactions alone."""
    input:
        source=data.raw_files,
    output:
        periods=layout.periods,
    conda:
        "../envs/data.yaml"
    params:
        code=code_version("cut_periods", by_wildcards=data.modules),
        source=data.raw_source,
        own=data.own,
        filters=data.filters,
        first_training=study.config.drift.first_training,
    script:
        "../workflow_scripts/cut_periods.py"


rule prepare_interactions:
    """Read a raw data set, and filter, number and order it according to the protocol."""
    input:
        unpack(data.periods),
        source=data.raw_files,
    output:
        interactions=layout.interactions,
        catalogue=layout.items,
        steps=layout.preparation_steps,
    conda:
        "../envs/data.yaml"
    params:
        code=code_version("prepare_interactions", by_wildcards=data.modules),
        source=data.raw_source,
        own=data.own,
        filters=data.filters,
        released_facts=data.released_facts,
    script:
        "../workflow_scripts/prepare_interactions.py"


rule make_sequences:
    """Split the users and cut their interactions into histories and targets."""
    input:
        unpack(data.periods),
        interactions=rules.prepare_interactions.output.interactions,
        splits=data.named_splits,
    output:
        sequences=layout.sequences,
    conda:
        "../envs/data.yaml"
    params:
        code=code_version("make_sequences", by_wildcards=data.modules_of_split),
        own=data.own_split,
        released_facts=data.released_facts,
        split_seed=study.config.data.split_seed,
        minimum_history=study.config.data.minimum_history,
        maximum_history=study.config.data.maximum_history,
    script:
        "../workflow_scripts/make_sequences.py"


rule draw_candidates:
    """Draw the candidate sets of the val and test sequences, once for all methods."""
    input:
        interactions=rules.prepare_interactions.output.interactions,
        catalogue=rules.prepare_interactions.output.catalogue,
        sequences=data.with_whole_histories,
    output:
        candidates=layout.candidates,
    conda:
        "../envs/data.yaml"
    params:
        code=code_version("draw_candidates"),
        size=study.config.data.candidates,
        draws=study.config.data.draws,
        seed=study.config.data.candidate_seed,
    script:
        "../workflow_scripts/draw_candidates.py"


rule compute_dataset_statistics:
    """Count the users, items, interactions and sequences under a protocol."""
    input:
        unpack(data.periods),
        interactions=rules.prepare_interactions.output.interactions,
        catalogue=rules.prepare_interactions.output.catalogue,
        sequences=rules.make_sequences.output.sequences,
    output:
        statistics=layout.dataset_statistics,
    conda:
        "../envs/data.yaml"
    params:
        code=code_version("compute_dataset_statistics"),
    script:
        "../workflow_scripts/compute_dataset_statistics.py"

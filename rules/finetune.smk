# Fine-tuning of the backbone, and its answers. What differs between methods is said in `ilora.methods.register`.


rule plan_fine_tuning:
    """Say what a fine-tuning will need, memory and time, before it is submitted."""
    input:
        unpack(backbone_files),
        catalogue=f"{RESULTS}/data/{{dataset}}/{{protocol}}/items.parquet",
        interactions=f"{RESULTS}/data/{{dataset}}/{{protocol}}/interactions.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/{{protocol}}/sequences.parquet",
    output:
        plan=FINETUNING_PLAN,
    log:
        f"{RESULTS}/logs/plan_fine_tuning/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/plan_fine_tuning/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}.tsv"
    # Where Snakemake itself runs, so that it is read before a GPU is asked for; no weights are loaded.
    localrule: True
    conda:
        "../envs/llm.yaml"
    threads: 1
    resources:
        mem_mb=memory(2500),
        runtime=minutes(10),
    params:
        code=code_version("plan_fine_tuning"),
        tuning=tuning_of,
        embedding_size=STUDY.recommenders.embedding_size,
        processes=STUDY.backbone.processes * STUDY.backbone.nodes,
        sharded=STUDY.backbone.sharded,
        gpu_memory_gb=STUDY.backbone.gpu_memory_gb,
    script:
        "../workflow_scripts/plan_fine_tuning.py"


rule fine_tune:
    """Tune an adapter, and the projector of hybrid prompts, on the training split."""
    input:
        unpack(backbone_files),
        unpack(guide_files_of_method),
        unpack(fine_tuning_plan),
        catalogue=f"{RESULTS}/data/{{dataset}}/{{protocol}}/items.parquet",
        interactions=f"{RESULTS}/data/{{dataset}}/{{protocol}}/interactions.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/{{protocol}}/sequences.parquet",
    output:
        **ADAPTER_FILES,
        projector=PROJECTOR_FILE,
        snapshots=directory(f"{TUNED}/snapshots"),
        log=f"{TUNED}/training_log.parquet",
    log:
        f"{RESULTS}/logs/fine_tune/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/fine_tune/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}.tsv"
    wildcard_constraints:
        method=methods_with(prompt="hybrid", adapter="uniform"),
    conda:
        "../envs/llm.yaml"
    threads: LLM_THREADS
    resources:
        **gpus_of_fine_tuning(),
        mem_mb=memory(megabytes_of_fine_tuning()),
        runtime=minutes(60 if STUDY.backbone.is_embedded else 1440),
    params:
        code=code_version("fine_tune"),
        tuning=tuning_of,
        processes={"processes": STUDY.backbone.processes, "nodes": STUDY.backbone.nodes},
        sharded=STUDY.backbone.sharded,
    script:
        "../workflow_scripts/fine_tune.py"


# An instance-wise adapter is tuned alike, and has a gate.
use rule fine_tune as fine_tune_gated with:
    output:
        **ADAPTER_FILES,
        projector=PROJECTOR_FILE,
        gate=GATE_FILE,
        snapshots=directory(f"{TUNED}/snapshots"),
        log=f"{TUNED}/training_log.parquet",
    wildcard_constraints:
        method=methods_with(adapter="instance_wise"),


# So is one on prompts without behaviour tokens, and has no projector.
use rule fine_tune as fine_tune_text_only with:
    output:
        **ADAPTER_FILES,
        snapshots=directory(f"{TUNED}/snapshots"),
        log=f"{TUNED}/training_log.parquet",
    wildcard_constraints:
        method=methods_with(prompt="text", adapter="uniform"),


rule answer_fine_tuned:
    """Answer every val and test candidate set with a tuned adapter."""
    input:
        unpack(backbone_files),
        unpack(guide_files_of_method),
        unpack(adapter_files),
        catalogue=f"{RESULTS}/data/{{dataset}}/{{protocol}}/items.parquet",
        interactions=f"{RESULTS}/data/{{dataset}}/{{protocol}}/interactions.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/{{protocol}}/sequences.parquet",
        candidates=f"{RESULTS}/data/{{dataset}}/{{protocol}}/candidates.parquet",
    output:
        predictions=f"{RESULTS}/llm/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}/predictions.parquet",
    log:
        f"{RESULTS}/logs/answer_fine_tuned/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/answer_fine_tuned/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}.tsv"
    wildcard_constraints:
        method=methods_with(is_tuned=True),
    conda:
        "../envs/llm.yaml"
    threads: LLM_THREADS
    resources:
        mem_mb=memory(2500 if STUDY.backbone.is_embedded else 64000),
        runtime=minutes(30 if STUDY.backbone.is_embedded else 480),
        gpu=gpu_for(STUDY.backbone),
    params:
        code=code_version("answer_fine_tuned"),
        tuning=tuning_of,
        adapter=lambda wildcards, input: Path(input.adapter_weights).parent.as_posix(),
        draws=STUDY.data.draws,
        config=answering_of,
    script:
        "../workflow_scripts/answer_fine_tuned.py"


rule answer_zero_shot:
    """Answer every val and test candidate set with the untuned backbone and the text-only prompt."""
    input:
        unpack(backbone_files),
        catalogue=f"{RESULTS}/data/{{dataset}}/{{protocol}}/items.parquet",
        interactions=f"{RESULTS}/data/{{dataset}}/{{protocol}}/interactions.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/{{protocol}}/sequences.parquet",
        candidates=f"{RESULTS}/data/{{dataset}}/{{protocol}}/candidates.parquet",
    output:
        predictions=f"{RESULTS}/llm/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/default/predictions.parquet",
    log:
        f"{RESULTS}/logs/answer_zero_shot/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/answer_zero_shot/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}.tsv"
    wildcard_constraints:
        method=methods_with(is_tuned=False),
    conda:
        "../envs/llm.yaml"
    threads: LLM_THREADS
    resources:
        mem_mb=memory(2500 if STUDY.backbone.is_embedded else 64000),
        runtime=minutes(30 if STUDY.backbone.is_embedded else 480),
        gpu=gpu_for(STUDY.backbone),
    params:
        code=code_version("answer_zero_shot"),
        words=words_of,
        backbone=backbone_source,
        config=answering_of,
    script:
        "../workflow_scripts/answer_zero_shot.py"


rule compute_gates:
    """Compute the expert weights of every val and test sequence."""
    input:
        unpack(guide_files),
        unpack(adapter_files),
        interactions=f"{RESULTS}/data/{{dataset}}/{{protocol}}/interactions.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/{{protocol}}/sequences.parquet",
    output:
        gates=f"{RESULTS}/analysis/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}/gates.parquet",
    log:
        f"{RESULTS}/logs/compute_gates/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/compute_gates/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}.tsv"
    wildcard_constraints:
        method=methods_with(is_gated=True),
    conda:
        "../envs/llm.yaml"
    threads: LLM_THREADS
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("compute_gates"),
    script:
        "../workflow_scripts/compute_gates.py"


rule describe_adapter:
    """Write the card of a tuned adapter: its data, settings, metrics and licences, as the Hugging Face hub reads it."""
    input:
        unpack(adapter_files),
        metrics=f"{RESULTS}/llm/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}/metrics.parquet",
    output:
        card=f"{TUNED}/adapter/README.md",
    log:
        f"{RESULTS}/logs/describe_adapter/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/describe_adapter/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("describe_adapter"),
        method=kind_of,
        sequence_encoder=guide_of_method,
        base_model={"name": STUDY.backbone.name, "revision": STUDY.backbone.revision},
        finetuning=finetuning_of,
    script:
        "../workflow_scripts/describe_adapter.py"

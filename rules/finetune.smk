# Fine-tuning of the backbone, and inference with it. `ilora.methods.register` declares the differences between methods.


rule plan_fine_tuning:
    """Estimate the memory and time of a fine-tuning before it is submitted."""
    input:
        unpack(models.backbone_files),
        catalogue=rules.prepare_interactions.output.catalogue,
        sequences=rules.make_sequences.output.sequences,
    output:
        plan=layout.tuning_plan,
    # Local, so that it can be read before a GPU is requested; no weights are loaded.
    localrule: True
    conda:
        "../envs/llm.yaml"
    resources:
        mem_mb=requests.memory(2500),
    params:
        code=code_version("plan_fine_tuning"),
        tuning=tuning.settings,
        embedding_size=study.config.recommenders.embedding_size,
        processes=study.config.backbone.processes * study.config.backbone.nodes,
        sharded=study.config.backbone.sharded,
        gpu_memory_gb=study.config.backbone.gpu_memory_gb,
    script:
        "../workflow_scripts/plan_fine_tuning.py"


rule fine_tune:
    """Tune an adapter, and the projector of hybrid prompts, on the training split."""
    input:
        unpack(models.backbone_files),
        unpack(tuning.encoder_files),
        plan=ancient(tuning.plan),
        catalogue=rules.prepare_interactions.output.catalogue,
        sequences=rules.make_sequences.output.sequences,
    output:
        **tuning.outputs("llara"),
        snapshots=directory(layout.snapshots),
        log=layout.tuning_log,
    wildcard_constraints:
        method=methods_that(prompt="hybrid", adapter="uniform"),
    conda:
        "../envs/llm.yaml"
    threads: requests.threads
    resources:
        **requests.fine_tuning(tuning.plan),
    params:
        code=code_version("fine_tune", by_wildcards=tuning.modules),
        tuning=tuning.settings,
        processes={"processes": study.config.backbone.processes, "nodes": study.config.backbone.nodes},
        sharded=study.config.backbone.sharded,
    script:
        "../workflow_scripts/fine_tune.py"


# An instance-wise adapter is tuned in the same way, and has a gate.
use rule fine_tune as fine_tune_gated with:
    output:
        **tuning.outputs("ilora"),
        snapshots=directory(layout.snapshots),
        log=layout.tuning_log,
    wildcard_constraints:
        method=methods_that(adapter="instance_wise"),


# So is an adapter with text-only prompts, which has no projector.
use rule fine_tune as fine_tune_text_only with:
    output:
        **tuning.outputs("tallrec"),
        snapshots=directory(layout.snapshots),
        log=layout.tuning_log,
    wildcard_constraints:
        method=methods_that(prompt="text", adapter="uniform"),


rule answer_fine_tuned:
    """Answer every val and test candidate set with a tuned adapter."""
    input:
        unpack(models.backbone_files),
        unpack(tuning.encoder_files),
        unpack(tuning.adapter_files),
        unpack(tuning.trained_on),
        catalogue=rules.prepare_interactions.output.catalogue,
        sequences=rules.make_sequences.output.sequences,
        candidates=rules.draw_candidates.output.candidates,
    output:
        predictions=layout.tuned_predictions,
    wildcard_constraints:
        method=methods_that(is_tuned=True),
    conda:
        "../envs/llm.yaml"
    threads: requests.threads
    resources:
        **requests.answering(tuning.plan),
    params:
        code=code_version("answer_fine_tuned"),
        tuning=tuning.settings,
        adapter=tuning.adapter_folder,
        draws=study.config.data.draws,
        config=tuning.inference,
    script:
        "../workflow_scripts/answer_fine_tuned.py"


rule answer_zero_shot:
    """Answer every val and test candidate set with the untuned backbone and the text-only prompt."""
    input:
        unpack(models.backbone_files),
        catalogue=rules.prepare_interactions.output.catalogue,
        sequences=rules.make_sequences.output.sequences,
        candidates=rules.draw_candidates.output.candidates,
    output:
        predictions=layout.untuned_predictions,
    wildcard_constraints:
        method=methods_that(is_tuned=False),
    conda:
        "../envs/llm.yaml"
    threads: requests.threads
    resources:
        **requests.inference,
    params:
        code=code_version("answer_zero_shot"),
        wording=data.wording_of_study,
        backbone=models.backbone,
        config=tuning.inference,
    script:
        "../workflow_scripts/answer_zero_shot.py"


rule compute_gates:
    """Compute the expert weights of every val and test sequence."""
    input:
        unpack(tuning.encoder_files),
        unpack(tuning.adapter_files),
        unpack(tuning.trained_on),
        sequences=rules.make_sequences.output.sequences,
    output:
        gates=layout.gates,
    wildcard_constraints:
        method=methods_that(is_gated=True),
    conda:
        "../envs/llm.yaml"
    threads: requests.threads
    params:
        code=code_version("compute_gates"),
    script:
        "../workflow_scripts/compute_gates.py"


rule describe_adapter:
    """Write the model card of a tuned adapter for the Hugging Face hub: data, settings, metrics and licences."""
    input:
        unpack(tuning.adapter_files),
        unpack(models.brought_weights),
        metrics=f"{layout.tuned_run}/metrics.parquet",
    output:
        card=layout.adapter_card,
    localrule: True
    conda:
        "../envs/evaluation.yaml"
    params:
        code=code_version("describe_adapter"),
        method=tuning.kind,
        sequence_encoder=tuning.sequence_encoder,
        base_model=models.base_model,
        finetuning=tuning.finetuning,
    script:
        "../workflow_scripts/describe_adapter.py"

# Backbones: the embedded one, a small Llama that the pipeline builds and pretrains itself, or one from the hub.


rule pretrain_backbone:
    """Build the embedded backbone and pretrain it on the training split: the skill, never the preference."""
    input:
        catalogue=f"{RESULTS}/data/{{dataset}}/{{protocol}}/items.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/{{protocol}}/sequences.parquet",
    output:
        config=f"{RESULTS}/backbone/{{dataset}}/{{protocol}}/embedded/config.json",
        tokenizer=f"{RESULTS}/backbone/{{dataset}}/{{protocol}}/embedded/tokenizer.json",
        tokenizer_config=f"{RESULTS}/backbone/{{dataset}}/{{protocol}}/embedded/tokenizer_config.json",
        model=f"{RESULTS}/backbone/{{dataset}}/{{protocol}}/embedded/model.safetensors",
        projector=f"{RESULTS}/backbone/{{dataset}}/{{protocol}}/embedded/projector.safetensors",
        log=f"{RESULTS}/backbone/{{dataset}}/{{protocol}}/embedded/training_log.parquet",
    log:
        f"{RESULTS}/logs/pretrain_backbone/{{dataset}}/{{protocol}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/pretrain_backbone/{{dataset}}/{{protocol}}.tsv"
    conda:
        "../envs/llm.yaml"
    threads: 1
    resources:
        mem_mb=memory(2500),
        runtime=minutes(60),
    params:
        code=code_version("pretrain_backbone"),
        wording=wording_of,
        config={
            **section("embedded_backbone", "prompt"),
            "data": {
                "candidates": STUDY.data.candidates,
                "maximum_history": STUDY.data.maximum_history,
            },
            "recommenders": {"embedding_size": STUDY.recommenders.embedding_size},
        },
    script:
        "../workflow_scripts/pretrain_backbone.py"


rule download_model:
    """Fetch a model from the Hugging Face hub into its cache."""
    output:
        record=HUB_RECORD,
    log:
        f"{RESULTS}/logs/download_model/{{backbone}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/download_model/{{backbone}}.tsv"
    retries: 0
    # Nodes of a cluster often have no network, and the login node has; the cache lies where HF_HOME says.
    localrule: True
    conda:
        "../envs/llm.yaml"
    threads: 1
    params:
        name=lambda wildcards: MODELS[wildcards.backbone].name,
        revision=lambda wildcards: MODELS[wildcards.backbone].revision,
    script:
        "../workflow_scripts/download_model.py"

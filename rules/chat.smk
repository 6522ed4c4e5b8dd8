# A chat model behind an OpenAI-compatible endpoint, by the text prompt and as ChatRec asks it.

# What was answered is kept here, and what it cost. No output, so that Snakemake never deletes what was paid for.
CHAT_STORE = f"{RESULTS}/chat/answers.sqlite"


rule ask_chat_model:
    """Ask the chat model, by the text prompt, what it chooses from each candidate set that it is to see."""
    input:
        catalogue=f"{RESULTS}/data/{{dataset}}/{{protocol}}/items.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/{{protocol}}/sequences.parquet",
        candidates=f"{RESULTS}/data/{{dataset}}/{{protocol}}/candidates.parquet",
    output:
        predictions=f"{RESULTS}/llm/{{dataset}}/{{protocol}}/{CHAT_MODEL}/gpt4/default/predictions.parquet",
    log:
        f"{RESULTS}/logs/ask_chat_model/{{dataset}}/{{protocol}}/{CHAT_MODEL}/gpt4.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/ask_chat_model/{{dataset}}/{{protocol}}/{CHAT_MODEL}/gpt4.tsv"
    # Failed requests are repeated by the script itself. Above the ceiling of costs, a second try would end the same.
    retries: 0
    # Nodes of a cluster often have no network.
    localrule: True
    conda:
        "../envs/chat.yaml"
    threads: 1
    params:
        code=code_version("ask_chat_model"),
        method="gpt4",
        wording=wording_of,
        address=CHAT_ADDRESS,
        config=section("chat"),
        store=CHAT_STORE,
    script:
        "../workflow_scripts/ask_chat_model.py"


# ChatRec shows the candidates as the guide of one seed ranks them.
use rule ask_chat_model as ask_chat_model_ranked with:
    input:
        ranking=f"{TRAINED}/predictions.parquet".replace("{recommender}", STUDY.recommenders.sequence_encoder),
        catalogue=f"{RESULTS}/data/{{dataset}}/{{protocol}}/items.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/{{protocol}}/sequences.parquet",
        candidates=f"{RESULTS}/data/{{dataset}}/{{protocol}}/candidates.parquet",
    output:
        predictions=f"{RESULTS}/llm/{{dataset}}/{{protocol}}/{CHAT_MODEL}/chatrec/default/seed~{{seed}}/predictions.parquet",
    log:
        f"{RESULTS}/logs/ask_chat_model_ranked/{{dataset}}/{{protocol}}/{CHAT_MODEL}/seed~{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/ask_chat_model_ranked/{{dataset}}/{{protocol}}/{CHAT_MODEL}/seed~{{seed}}.tsv"
    params:
        code=code_version("ask_chat_model"),
        method="chatrec",
        wording=wording_of,
        address=CHAT_ADDRESS,
        config=section("chat"),
        store=CHAT_STORE,

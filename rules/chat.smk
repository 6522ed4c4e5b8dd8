# A chat model behind an OpenAI-compatible endpoint, by the text prompt and as ChatRec asks it.


rule ask_chat_model:
    """Ask the chat model, by the text prompt, what it chooses from each candidate set that it is to see."""
    input:
        catalogue=rules.prepare_interactions.output.catalogue,
        sequences=rules.make_sequences.output.sequences,
        candidates=rules.draw_candidates.output.candidates,
    output:
        predictions=fill(layout.untuned_predictions, backbone=study.chat_model_id, method="gpt4"),
    # Failed requests are repeated by the script itself. Above the ceiling of costs, a second try would end the same.
    retries: 0
    # Nodes of a cluster often have no network.
    localrule: True
    conda:
        "../envs/chat.yaml"
    params:
        code=code_version("ask_chat_model"),
        method="gpt4",
        wording=data.wording,
        address=study.chat_address,
        chat=study.config.chat.plain(),
        store=layout.chat_store,
    script:
        "../workflow_scripts/ask_chat_model.py"


# ChatRec shows the candidates as the sequence encoder of one seed ranks them.
use rule ask_chat_model as ask_chat_model_ranked with:
    input:
        ranking=fill(
            layout.recommender_file("predictions.parquet"),
            recommender=study.config.recommenders.sequence_encoder,
        ),
        catalogue=rules.prepare_interactions.output.catalogue,
        sequences=rules.make_sequences.output.sequences,
        candidates=rules.draw_candidates.output.candidates,
    output:
        predictions=fill(
            layout.tuned_predictions, backbone=study.chat_model_id, method="chatrec", variant="default"
        ),
    params:
        code=code_version("ask_chat_model"),
        method="chatrec",
        wording=data.wording,
        address=study.chat_address,
        chat=study.config.chat.plain(),
        store=layout.chat_store,

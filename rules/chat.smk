# A chat model behind an OpenAI-compatible endpoint, with the text prompt and as ChatRec.


rule ask_chat_model:
    """Query the chat model on its candidate sets, with the text prompt."""
    input:
        catalogue=rules.prepare_interactions.output.catalogue,
        sequences=rules.make_sequences.output.sequences,
        candidates=rules.draw_candidates.output.candidates,
    output:
        predictions=fill(layout.untuned_predictions, backbone=study.chat_model_id, method="gpt4"),
    # The script itself retries failed requests. At the cost limit, a second attempt of the job would fail too.
    retries: 0
    # Nodes of a cluster often have no network access.
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


# ChatRec shows the candidates in the order in which the sequence encoder of one seed ranks them.
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

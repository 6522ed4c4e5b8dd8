"""Query a chat model on each candidate set, with the text prompt or with a recommender's ranking."""

import os
from collections import Counter
from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import CANDIDATES, ITEMS, SEQUENCES
from ilora.baselines.chat.answer_store import AnswerStore
from ilora.baselines.chat.answering import RequestLimits, answer_requests
from ilora.baselines.chat.client import ChatClient
from ilora.baselines.chat.errors import ChatError
from ilora.baselines.chat.keys import read_key
from ilora.baselines.chat.prices import Prices, picodollars, show_usd
from ilora.baselines.chat.questions import ranked_questions, text_questions
from ilora.baselines.chat.requests import ChatModel, ChatRequest
from ilora.configuration.sections.chat import ChatSection
from ilora.data.candidates import first_draws
from ilora.datasets.wording import PromptWording
from ilora.predictions.building import written_predictions
from ilora.predictions.schema import PREDICTIONS
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `predictions.parquet`."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    params, chat = snakemake.params, ChatSection.read(snakemake.params.chat)
    key = read_key(chat.key_variable, os.environ)
    if key is None:
        raise ChatError(f"the environment variable {chat.key_variable} contains no key. Set it and run again.")
    titles = read_table(snakemake.input.catalogue, ITEMS)["title"].to_pylist()
    sequences = read_table(snakemake.input.sequences, SEQUENCES)
    candidates = first_draws(read_table(snakemake.input.candidates, CANDIDATES), chat.draws)
    wording = PromptWording(**params.wording)
    if params.method == "chatrec":
        ranking = read_table(snakemake.input.ranking, PREDICTIONS)
        questions = ranked_questions(sequences, candidates, ranking, titles, wording)
    else:
        questions = text_questions(sequences, candidates, titles, wording)
    model = ChatModel(params.address, chat.model, chat.temperature, chat.maximum_answer_tokens, chat.answer_limit)

    with (
        AnswerStore(params.store, picodollars(chat.max_cost_usd)) as store,
        ChatClient(params.address, key, chat.timeout_seconds) as client,
    ):
        if store.stranded:
            logger.warning("%d requests of a killed run may have been billed", store.stranded)
        requests = [ChatRequest(model, question) for question in questions]
        replies, tally = answer_requests(
            requests,
            client,
            store,
            Prices(chat.input_usd_per_million, chat.output_usd_per_million),
            RequestLimits(chat.requests_per_minute, chat.concurrency, chat.attempts),
            logger,
        )
        spending = store.spending()
        of_method = store.spending_on(request.key for request in requests)

    predictions = written_predictions(sequences, candidates, [reply.text for reply in replies], titles, params.method)
    kinds = Counter(str(reply.kind) for reply in replies)
    valid = predictions.num_rows - predictions["choice"].null_count
    logger.info("%d answers: %s; %d name a candidate", len(replies), dict(kinds), valid)
    logger.info(
        "total cost: %s for %d answers (%d prompt tokens, %d answer tokens), and at most %s for lost answers",
        show_usd(spending.paid),
        spending.answers,
        spending.prompt_tokens,
        spending.answer_tokens,
        show_usd(spending.unsure),
    )
    write_table(predictions, snakemake.output.predictions)
    provenance.record(
        snakemake.output.predictions,
        config={"chat": chat.model_dump(mode="json"), "address": params.address},
        details={
            "answers": dict(kinds),
            "valid": valid,
            "requests": str(tally),
            "spent": show_usd(spending.total),
            "costs": {
                "requests": of_method.answers,
                "prompt_tokens": of_method.prompt_tokens,
                "answer_tokens": of_method.answer_tokens,
                "paid": of_method.paid,
                "unsure": of_method.unsure,
            },
        },
    )


main(snakemake)

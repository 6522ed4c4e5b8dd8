"""Sends the requests of `chat_server`, to be killed: python ask_in_a_process.py ADDRESS STORE COUNT THREADS."""

import logging
import sys

from chat_server import PRICES, make_requests
from ilora.baselines.chat.answer_store import AnswerStore
from ilora.baselines.chat.answering import RequestLimits, answer_requests
from ilora.baselines.chat.client import ChatClient


def main(address: str, path: str, count: str, threads: str) -> None:
    """Answer all requests, without a spending limit."""
    limits = RequestLimits(60_000.0, int(threads), 1)
    with AnswerStore(path, 10**15) as store, ChatClient(address, "sk-of-a-process", 60.0) as client:
        answer_requests(make_requests(address, int(count)), client, store, PRICES, limits, logging.getLogger("ilora"))


if __name__ == "__main__":
    main(*sys.argv[1:])

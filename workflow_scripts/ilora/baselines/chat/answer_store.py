"""Paid answers and their costs in one SQLite file, so that a rerun costs nothing.

Before a request is sent, its maximum cost is written to the ledger. The actual cost replaces it in the transaction that
stores the answer. At any time, even after SIGKILL, the ledger therefore covers everything that the provider can bill: a
request whose answer never arrived remains as "unsure", at its maximum cost.
"""

import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ilora.baselines.chat.errors import CeilingError, ChatError
from ilora.baselines.chat.prices import show_usd
from ilora.baselines.chat.replies import Reply, ReplyKind

#: How long to wait for another job: one job at a time owns the file, the request rate and the ceiling.
_SECONDS_TO_WAIT = 7 * 24 * 3600.0

_TABLES = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, request TEXT NOT NULL, text TEXT NOT NULL, kind TEXT NOT NULL,
    prompt_tokens INTEGER, answer_tokens INTEGER, checksum TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS ledger (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, picodollars INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('in flight', 'paid', 'unsure'))
);
"""


#: Columns of an answer that its checksum covers.
_SUMMED = "key, request, text, kind, prompt_tokens, answer_tokens"


@dataclass(frozen=True)
class Spending:
    """Spending of all runs on one file, for all requests or for some, in picodollars.

    Attributes:
        paid: cost of stored answers.
        unsure: maximum cost of requests whose answers never arrived.
        in_flight: maximum cost of requests that wait for their answers.
        answers: number of stored answers.
        prompt_tokens: prompt tokens of stored answers, as counted by the server.
        answer_tokens: answer tokens of stored answers, as counted by the server.
    """

    paid: int
    unsure: int
    in_flight: int
    answers: int
    prompt_tokens: int
    answer_tokens: int

    @property
    def total(self) -> int:
        """The most that the provider can bill."""
        return self.paid + self.unsure + self.in_flight


class AnswerStore:
    """The file of answers and costs, as a context manager. Threads may share it; processes take turns.

    Args:
        path: path of the file, which is created if it is missing.
        ceiling: maximum total spending in picodollars, including earlier runs.

    Raises:
        ChatError: the file is damaged.
    """

    def __init__(self, path: str | os.PathLike[str], ceiling: int) -> None:
        self.path = Path(path)
        self._ceiling = ceiling
        self._changed = threading.Condition()
        self._flying = 0
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(
            self.path, timeout=_SECONDS_TO_WAIT, isolation_level=None, check_same_thread=False
        )
        try:
            self.stranded = self._open()
        except sqlite3.DatabaseError as error:
            self._database.close()
            raise ChatError(
                f"{self.path}: cannot be opened as the file of answers and costs ({error}). It contains paid answers: "
                "restore a backup, or move it away, in which case all requests are sent and paid for again."
            ) from error

    def __enter__(self) -> "AnswerStore":
        """Return the store."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._database.close()

    def answer(self, key: str) -> Reply | None:
        """Return the stored answer to a request, or None if there is none.

        Raises:
            ChatError: the answer was changed after it was stored.
        """
        with self._changed:
            row = self._database.execute(f"SELECT {_SUMMED}, checksum FROM answers WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        *summed, checksum = row
        if _checksum(*summed) != checksum:
            raise ChatError(
                f"{self.path}: an answer does not match its checksum (key {key}): it was damaged or edited. Restore a "
                "backup of the file; or, to send and pay for this one request again, delete the answer: "
                f"sqlite3 {self.path} \"DELETE FROM answers WHERE key = '{key}'\""
            )
        _, _, text, kind, prompt_tokens, answer_tokens = summed
        return Reply(text, ReplyKind(kind), prompt_tokens, answer_tokens)

    def reserve(self, key: str, cost: int) -> int:
        """Reserve the maximum cost of a request; wait if it may fit once pending requests turn out cheaper.

        Args:
            key: key of the request.
            cost: maximum cost in picodollars.

        Returns:
            The ledger entry, for one of the methods below.

        Raises:
            CeilingError: the cost would exceed the ceiling. Nothing was reserved.
        """
        with self._changed:
            while (spending := self.spending()).total + cost > self._ceiling:
                if not self._flying:
                    raise CeilingError(self._explain(spending, cost))
                self._changed.wait()
            entry = self._database.execute(
                "INSERT INTO ledger (key, picodollars, state) VALUES (?, ?, 'in flight')", (key, cost)
            ).lastrowid
            self._flying += 1
        assert entry is not None
        return entry

    def keep(self, entry: int, key: str, request: str, reply: Reply, cost: int) -> None:
        """Store an answer and its cost in one transaction.

        Args:
            entry: ledger entry from `reserve`.
            key: key of the request.
            request: content of the request.
            reply: answer to the request.
            cost: cost in picodollars.
        """
        with self._landing(), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            answer = (key, request, reply.text, str(reply.kind), reply.prompt_tokens, reply.answer_tokens)
            self._database.execute(
                f"INSERT INTO answers ({_SUMMED}, checksum) VALUES (?, ?, ?, ?, ?, ?, ?)", (*answer, _checksum(*answer))
            )
            self._database.execute("UPDATE ledger SET state = 'paid', picodollars = ? WHERE id = ?", (cost, entry))

    def release(self, entry: int) -> None:
        """Cancel the reservation of a request that cannot be billed."""
        with self._landing():
            self._database.execute("DELETE FROM ledger WHERE id = ?", (entry,))

    def write_off(self, entry: int) -> None:
        """Record a request as possibly billed, although its answer never arrived."""
        with self._landing():
            self._database.execute("UPDATE ledger SET state = 'unsure' WHERE id = ?", (entry,))

    def spending(self) -> Spending:
        """Return the total spending so far."""
        with self._changed:
            return self._spending()

    def spending_on(self, keys: Iterable[str]) -> Spending:
        """Return the spending so far on the requests with these keys, in all runs."""
        with self._changed, self._database:
            self._database.execute("BEGIN")
            self._database.execute("CREATE TEMP TABLE wanted (key TEXT PRIMARY KEY)")
            self._database.executemany("INSERT OR IGNORE INTO wanted VALUES (?)", ((key,) for key in keys))
            among = "WHERE key IN (SELECT key FROM wanted)"
            spending = self._spending(among)
            self._database.execute("DROP TABLE wanted")
        return spending

    def _spending(self, among: str = "") -> Spending:
        sums = dict(self._database.execute(f"SELECT state, SUM(picodollars) FROM ledger {among} GROUP BY state"))
        answers = self._database.execute(
            f"SELECT COUNT(*), COALESCE(SUM(prompt_tokens), 0), COALESCE(SUM(answer_tokens), 0) FROM answers {among}"
        ).fetchone()
        return Spending(sums.get("paid", 0), sums.get("unsure", 0), sums.get("in flight", 0), *answers)

    def _open(self) -> int:
        """Lock the file; return the number of requests that a killed run left in flight."""
        # One process at a time, which also avoids shared memory, which network file systems lack.
        self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT;")
        self._sum_earlier_answers()
        # The process that sent these requests has ended, because this process holds the lock.
        return self._database.execute("UPDATE ledger SET state = 'unsure' WHERE state = 'in flight'").rowcount

    def _sum_earlier_answers(self) -> None:
        """Add checksums to answers that an earlier version stored without them."""
        columns = [row[1] for row in self._database.execute("PRAGMA table_info(answers)")]
        if "checksum" in columns:
            return
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("ALTER TABLE answers ADD COLUMN checksum TEXT NOT NULL DEFAULT ''")
            answers = self._database.execute(f"SELECT {_SUMMED} FROM answers").fetchall()
            sums = [(_checksum(*answer), answer[0]) for answer in answers]
            self._database.executemany("UPDATE answers SET checksum = ? WHERE key = ?", sums)

    @contextmanager
    def _landing(self) -> Iterator[None]:
        """Wake the threads that wait for a request to be settled, even if settling it fails."""
        with self._changed:
            try:
                yield
            finally:
                self._flying -= 1
                self._changed.notify_all()

    def _explain(self, spending: Spending, cost: int) -> str:
        return (
            f"stopped below the ceiling chat.max_cost_usd of {show_usd(self._ceiling)}: {show_usd(spending.total)} are "
            f"spent ({show_usd(spending.paid)} for {spending.answers} answers that are kept, at most "
            f"{show_usd(spending.unsure)} for requests whose answers never arrived), and the next request may cost "
            f"{show_usd(cost)}. To go on, raise chat.max_cost_usd and run again: answers in {self.path} are not paid "
            "again."
        )


def _checksum(*answer: str | int | None) -> str:
    """Return the SHA-256 of an answer's columns, hexadecimal."""
    return hashlib.sha256(json.dumps(answer).encode()).hexdigest()

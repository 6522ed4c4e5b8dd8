"""Answers that were paid for, and what they cost, in one SQLite file: a rerun costs nothing.

Before a request is sent, the most that it can cost is written to the ledger. What it did cost replaces that in the same
transaction that keeps the answer. So at any time, even after SIGKILL, the ledger holds at least what the provider
can bill: a request whose answer never arrived stays in it as "unsure", at its highest price.
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

#: How long to wait for another job that asks: the file belongs to one at a time, and so do pace and ceiling.
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


#: The columns of an answer that its checksum is of.
_SUMMED = "key, request, text, kind, prompt_tokens, answer_tokens"


@dataclass(frozen=True)
class Spending:
    """What all runs on one file have spent, on all requests or on some, in picodollars.

    Attributes:
        paid: for answers that are kept.
        unsure: at most, for requests whose answers never arrived.
        in_flight: at most, for requests that wait for their answers.
        answers: how many are kept.
        prompt_tokens: of these, as the server counted.
        answer_tokens: likewise.
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
        path: of the file; made if it is missing.
        ceiling: what may be spent in all, picodollars, runs of before included.

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
                f"{self.path}: cannot be opened as the file of answers and costs ({error}). It holds answers that were "
                "paid for: put a copy in its place, or move it away, in which case all are asked and paid for again."
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
        """Return the kept answer to a request, None if there is none.

        Raises:
            ChatError: it was changed since it was kept.
        """
        with self._changed:
            row = self._database.execute(f"SELECT {_SUMMED}, checksum FROM answers WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        *summed, checksum = row
        if _checksum(*summed) != checksum:
            raise ChatError(
                f"{self.path}: an answer is not what was kept (key {key}): its checksum differs. The disk damaged it, "
                "or somebody changed it. Put a copy of the file in its place; or, to have this one question asked and "
                f"paid for again, delete the answer: sqlite3 {self.path} \"DELETE FROM answers WHERE key = '{key}'\""
            )
        _, _, text, kind, prompt_tokens, answer_tokens = summed
        return Reply(text, ReplyKind(kind), prompt_tokens, answer_tokens)

    def reserve(self, key: str, cost: int) -> int:
        """Set aside the most that a request can cost; wait if it only fits when others turn out cheaper.

        Args:
            key: of the request.
            cost: picodollars.

        Returns:
            The entry of the ledger, for one of the methods below.

        Raises:
            CeilingError: it does not fit below the ceiling. Nothing was set aside.
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
        """Keep an answer with what it cost, both or neither.

        Args:
            entry: from `reserve`.
            key: of the request.
            request: its content.
            reply: the answer.
            cost: picodollars.
        """
        with self._landing(), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            answer = (key, request, reply.text, str(reply.kind), reply.prompt_tokens, reply.answer_tokens)
            self._database.execute(
                f"INSERT INTO answers ({_SUMMED}, checksum) VALUES (?, ?, ?, ?, ?, ?, ?)", (*answer, _checksum(*answer))
            )
            self._database.execute("UPDATE ledger SET state = 'paid', picodollars = ? WHERE id = ?", (cost, entry))

    def release(self, entry: int) -> None:
        """Give back what was set aside for a request that nobody can bill."""
        with self._landing():
            self._database.execute("DELETE FROM ledger WHERE id = ?", (entry,))

    def write_off(self, entry: int) -> None:
        """Count a request that may have been billed, though its answer never arrived."""
        with self._landing():
            self._database.execute("UPDATE ledger SET state = 'unsure' WHERE id = ?", (entry,))

    def spending(self) -> Spending:
        """Return what has been spent so far."""
        with self._changed:
            return self._spending()

    def spending_on(self, keys: Iterable[str]) -> Spending:
        """Return what has been spent so far on some requests, given by their keys, whichever run asked them."""
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
        """Take hold of the file; return how many requests a killed run left in flight."""
        # One process at a time, which also spares the shared memory that network file systems lack.
        self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT;")
        self._sum_earlier_answers()
        # Whoever had these in flight is dead, since the file is ours.
        return self._database.execute("UPDATE ledger SET state = 'unsure' WHERE state = 'in flight'").rowcount

    def _sum_earlier_answers(self) -> None:
        """Give answers that an earlier version kept, without a checksum, the one that they have now."""
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
        """Let those go on that wait for a request to be settled, even if that fails."""
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

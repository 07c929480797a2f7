"""What the processes of a board ask each other: who is connected, and to close a connection.

A question is an ephemeral event, and so is each answer: nothing of it is kept, nothing is said while nobody looks, and
a board of one process says nothing at all. A process that does not answer in time is left out of that answer.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from pydantic import BaseModel, Field
from starlette.datastructures import State

from components.reports import Report
from streams.reports import Reporter
from streams.workers import alive
from tidewire import Event, JournalUnavailable, topic

ANSWER_SECONDS = 1.0  # another process sees an event after 20 ms


class Question(BaseModel):
    """What a process asks others."""

    id: str = Field(description="what an answer names")
    to: list[str] = Field(description="the processes that are asked")
    close: str = Field(
        default="", description="the connection that is to be closed; where there is none, a report is wanted"
    )


class Answer(BaseModel):
    """What one process answers."""

    question: str = Field(description="what was asked")
    worker: str = Field(description="who answers")
    report: Report | None = Field(default=None, description="what it tells of itself")
    closed: bool = Field(default=False, description="whether it had the connection, and closes it")


@topic("questions", Question, snapshot=lambda context: None, ephemeral=True)
async def questions(asked: AsyncIterator[Event[Question]]) -> AsyncIterator[str]:
    """Draw nothing: processes overhear it."""
    async for _ in asked:
        yield ""


@topic("answers", Answer, snapshot=lambda context: None, ephemeral=True)
async def answers(given: AsyncIterator[Event[Answer]]) -> AsyncIterator[str]:
    """Draw nothing: processes overhear it."""
    async for _ in given:
        yield ""


class Processes:
    """All processes of the board, as this one knows them."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._reporter = Reporter(state)
        self._asked: dict[str, _Asked] = {}
        self._looking: asyncio.Task[list[Report]] | None = None

    async def reports(self) -> list[Report]:
        """Ask every process for its report; several who ask at once are told the same."""
        if self._looking is None:
            self._looking = asyncio.ensure_future(self._look())
        return await asyncio.shield(self._looking)

    async def close(self, worker: str, connection: str) -> bool:
        """Close a connection, wherever it is; tell whether there was one."""
        if worker == self._state.worker:
            return self._end(connection)
        return any(answer.closed for answer in await self._ask([worker], close=connection))

    async def converse(self) -> None:
        """Answer what others ask, and hear what they answer."""
        async for event in self._state.hub.overhear("questions", "answers"):
            said = event.data
            if isinstance(said, Answer) and said.question in self._asked:
                self._asked[said.question].hear(said)
            elif isinstance(said, Question) and self._state.worker in said.to:
                await self._answer(said)

    async def _look(self) -> list[Report]:
        try:
            others = await asyncio.to_thread(alive, self._state.db) - {self._state.worker}
            given = await self._ask(sorted(others)) if others else []
        finally:
            self._looking = None
        told = [self._reporter(), *(answer.report for answer in given if answer.report)]
        return sorted(told, key=lambda report: report.process.pid)

    async def _ask(self, workers: list[str], close: str = "") -> list[Answer]:
        question = Question(id=secrets.token_hex(8), to=workers, close=close)
        asked = self._asked[question.id] = _Asked(len(workers))
        try:
            await self._state.hub.publish("questions", question)
            async with asyncio.timeout(ANSWER_SECONDS):
                await asked.complete.wait()
        except (TimeoutError, JournalUnavailable):
            pass  # then the answers so far are all there is
        finally:
            del self._asked[question.id]
        return sorted(asked.answers, key=lambda answer: answer.worker)

    async def _answer(self, question: Question) -> None:
        answer = Answer(question=question.id, worker=self._state.worker)
        if question.close:
            answer.closed = self._end(question.close)
        else:
            answer.report = self._reporter()
        with suppress(JournalUnavailable):
            await self._state.hub.publish("answers", answer)

    def _end(self, id: str) -> bool:
        connection = self._state.registry.find(id)
        if connection is None:
            return False
        connection.end("closed")
        return True


class _Asked:
    def __init__(self, number: int) -> None:
        self.answers: list[Answer] = []
        self.complete = asyncio.Event()
        self._number = number

    def hear(self, answer: Answer) -> None:
        self.answers.append(answer)
        if len(self.answers) == self._number:
            self.complete.set()


def find(state: State) -> Processes:
    """Give what this process knows of all, made when it is first asked for."""
    found: Any = getattr(state, "processes", None)
    if found is None:
        found = state.processes = Processes(state)
    return found  # type: ignore[no-any-return]

"""What every journal promises; Redis, NATS and Kafka ones must pass this too."""

import asyncio
import re
import time

import pytest
from journals import Backend, eventually, puts

from tidewire.journal import Draft, Entry, JournalError, JournalUnavailable, Retention, Tx


async def test_a_publisher_reads_its_own_writes(backend: Backend) -> None:
    journal, inbox = await backend.open()
    for n in range(20):
        [sequence] = await journal.append(puts("a", str(n)))
        assert (inbox[-1].sequence, journal.head) == (sequence, sequence)
        assert [e.sequence for e in await journal.read(sequence - 1, ["a"], 10)] == [sequence]


async def test_an_entry_is_the_draft_with_a_sequence_and_a_time(backend: Backend) -> None:
    journal, inbox = await backend.open()
    before = time.time()
    drafts = [Draft("ä/b c", b'{"x": "\xff\x00\n"}'), Draft("a", b"", "remove"), Draft("a", b"x" * (1 << 20))]
    sequences = await journal.append(drafts)
    for entry, draft, sequence in zip(inbox, drafts, sequences, strict=True):
        assert isinstance(entry, Entry)
        assert entry[:4] == (sequence, draft.topic, draft.action, draft.data)
        assert before - 1 <= entry.time <= time.time() + 1
        assert not entry.ephemeral
    assert await journal.read(0, ["ä/b c", "a"], 10) == list(inbox)


async def test_many_publishers_make_one_order_that_misses_and_doubles_nothing(backend: Backend) -> None:
    journal, inbox = await backend.open()

    async def publish(who: int) -> list[int]:
        return [s for n in range(50) for s in await journal.append(puts(f"t{who % 3}", f"{who}.{n}", f"{who}.{n}+"))]

    sequences = await asyncio.gather(*(publish(who) for who in range(16)))
    assert all(each == sorted(each) for each in sequences)
    delivered = [entry.sequence for entry in inbox]
    assert delivered == sorted(s for each in sequences for s in each)
    assert len(set(delivered)) == 16 * 100
    assert await journal.read(0, ["t0", "t1", "t2"], 10_000) == list(inbox)
    assert journal.head == delivered[-1] > 0


async def test_an_empty_batch_is_nothing(backend: Backend) -> None:
    journal, inbox = await backend.open()
    assert await journal.append([]) == []
    assert inbox == []


async def test_what_was_before_open_is_history_and_the_order_goes_on(backend: Backend) -> None:
    journal, first = await backend.open()
    await journal.append(puts("a", "1", "2"))
    epoch = journal.epoch
    journal, second = await backend.reopen(journal)
    assert (journal.epoch, journal.head, second) == (epoch, first[-1].sequence, [])
    [sequence] = await journal.append(puts("a", "3"))
    assert sequence > first[-1].sequence
    assert [e.data for e in second] == [b"3"]
    assert await journal.read(0, ["a"], 10) == [*first, *second]


async def test_each_journal_has_an_epoch_of_its_own(backend: Backend) -> None:
    one, _ = await backend.open(store="one")
    other, _ = await backend.open(store="other")
    assert one.epoch != other.epoch
    assert re.fullmatch("[a-z0-9]{4,16}", one.epoch)


async def test_read_gives_exactly_the_asked_topics_from_the_cursor_in_pages(backend: Backend) -> None:
    journal, inbox = await backend.open()
    for n in range(30):
        await journal.append(puts(["a", "b", "ab", "a/b"][n % 4], str(n)))
    wanted = [e for e in inbox if e.topic in ("a", "b")]
    pages, cursor = [], 0
    while page := await journal.read(cursor, {"a", "b", "nobody"}, 4):
        assert len(page) <= 4
        pages += page
        cursor = page[-1].sequence
    assert pages == wanted
    assert await journal.read(0, ["a"], 3) == [e for e in inbox if e.topic == "a"][:3]
    assert await journal.read(wanted[-1].sequence, ["a", "b"], 4) == []
    assert await journal.read(0, [], 4) == []


async def test_an_ephemeral_event_is_delivered_in_its_place_and_kept_nowhere(backend: Backend) -> None:
    journal, inbox = await backend.open()
    sequences = await journal.append([*puts("a", "1"), Draft("a", b"?", ephemeral=True), *puts("a", "2")])
    assert sequences[1] == 0 < sequences[0] < sequences[2]
    assert [(e.data, e.ephemeral) for e in inbox] == [(b"1", False), (b"?", True), (b"2", False)]
    await journal.append([Draft("a", b"!", ephemeral=True)])
    assert inbox[-1][:4] == (0, "a", "put", b"!")
    assert journal.head == sequences[2]
    assert [e.data for e in await journal.read(0, ["a"], 10)] == [b"1", b"2"]
    journal, later = await backend.reopen(journal)
    assert [e.data for e in await journal.tail(10, 1000)] == [b"1", b"2"]
    await journal.append(puts("a", "3"))
    assert [e.data for e in later] == [b"3"]


async def test_the_tail_is_the_newest_before_open_within_count_and_bytes(backend: Backend) -> None:
    journal, inbox = await backend.open()
    for n in range(10):
        await journal.append(puts(f"t{n % 2}", f"{n}" * 10))
    old = list(inbox)
    assert await journal.tail(5, 1000) == []
    journal, _ = await backend.reopen(journal)
    await journal.append(puts("a", "new"))
    assert await journal.tail(100, 1000) == old
    assert await journal.tail(3, 1000) == old[-3:]
    assert await journal.tail(100, 45) == old[-4:]
    assert await journal.tail(0, 1000) == []


async def test_retention_by_count_forgets_the_oldest_of_that_topic_alone(backend: Backend) -> None:
    journal, inbox = await backend.open(retention=lambda topic: Retention(5 if topic == "busy" else 100, None))
    await journal.append(puts("quiet", "hush"))
    assert await journal.floors(["busy", "quiet", "nobody"]) == {"busy": 0, "quiet": 0, "nobody": 0}
    await journal.append(puts("busy", *map(str, range(20))))
    last_gone = inbox[-6].sequence

    async def forgotten() -> bool:
        return (await journal.floors(["busy"]))["busy"] == last_gone

    await eventually(forgotten)
    assert await journal.read(0, ["busy"], 100) == inbox[-5:]
    assert await journal.read(0, ["quiet"], 100) == inbox[:1]
    assert (await journal.floors(["quiet"]))["quiet"] == 0


async def test_retention_by_age_may_empty_a_topic_and_ids_are_not_used_again(backend: Backend) -> None:
    age = 1000.0
    journal, inbox = await backend.open(retention=lambda topic: Retention(100, age if topic == "a" else None))
    await journal.append([*puts("b", "1"), *puts("a", "2", "3")])
    assert len(await journal.read(0, ["a"], 10)) == 2
    age = -1.0

    async def forgotten() -> bool:
        return await journal.floors(["a", "b"]) == {"a": inbox[-1].sequence, "b": 0}

    await eventually(forgotten)
    assert await journal.read(0, ["a", "b"], 10) == inbox[:1]
    journal, _ = await backend.reopen(journal)
    assert journal.head == inbox[-1].sequence
    assert (await journal.append(puts("b", "4")))[0] > inbox[-1].sequence


async def test_close_finishes_what_was_asked_and_refuses_the_rest(backend: Backend) -> None:
    journal, inbox = await backend.open()
    asked = [asyncio.ensure_future(journal.append(puts("a", str(n)))) for n in range(50)]
    await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    await journal.close()
    assert len(await asyncio.gather(*asked)) == len(inbox) == 50
    for late in (
        journal.append(puts("a", "late")),
        journal.change(lambda tx: None),
        journal.read(0, ["a"], 1),
        journal.tail(1, 1),
        journal.floors(["a"]),
    ):
        with pytest.raises(JournalUnavailable, match="closed"):
            await late
    await journal.close()


async def test_a_cancelled_publisher_leaves_all_of_its_batch_or_nothing(backend: Backend) -> None:
    journal, inbox = await backend.open()
    asked = [asyncio.ensure_future(journal.append(puts("a", f"{n}", f"{n}+"))) for n in range(40)]
    await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    for task in asked[::2]:
        task.cancel()
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(each, list) for each in done) >= 20
    await journal.append(puts("a", "end"))
    data = [e.data.decode() for e in inbox]
    assert {each for each in data if each[-1] == "+"} == {f"{d}+" for d in data[:-1] if d[-1] != "+"}
    assert {f"{n}" for n in range(1, 40, 2)} <= set(data)


# `change`, where the journal lives in a database


async def test_a_change_returns_its_result_after_its_events_were_delivered(backend: Backend) -> None:
    journal, inbox = await backend.open()

    def rename(tx: Tx) -> tuple[str, int, int]:
        return "done", tx.publish(Draft("a", b"1")), tx.publish(Draft("a", b"2", ephemeral=True))

    assert await journal.change(rename) == ("done", inbox[0].sequence, 0)
    assert [(e.sequence, e.data) for e in inbox] == [(journal.head, b"1"), (0, b"2")]


async def test_a_change_that_raises_publishes_nothing_and_the_others_go_on(backend: Backend) -> None:
    journal, inbox = await backend.open()

    def change(tx: Tx, n: int) -> int:
        sequence = tx.publish(Draft("a", str(n).encode()))
        tx.publish(Draft("a", b"?", ephemeral=True))
        if n % 3 == 1:
            raise LookupError(f"no task {n}")
        return sequence

    answers = await asyncio.gather(
        *(journal.change(lambda tx, n=n: change(tx, n)) for n in range(30)), return_exceptions=True
    )
    assert [str(a) for a in answers if isinstance(a, Exception)] == [f"no task {n}" for n in range(1, 30, 3)]
    kept = [e for e in inbox if not e.ephemeral]
    assert [a for a in answers if isinstance(a, int)] == [e.sequence for e in kept]
    assert [e.data for e in kept] == [str(n).encode() for n in range(30) if n % 3 != 1]
    assert len(inbox) == 40
    assert await journal.read(0, ["a"], 100) == kept


async def test_a_change_must_not_be_async(backend: Backend) -> None:
    journal, inbox = await backend.open()

    async def complete(tx: Tx) -> None:
        tx.publish(Draft("a", b"1"))

    with pytest.raises(TypeError, match="complete"):
        await journal.change(complete)
    with pytest.raises(TypeError, match="lambda"):
        await journal.change(lambda tx: (tx.publish(Draft("a", b"1")), complete(tx))[1])
    assert inbox == []


async def test_any_exception_of_a_change_reaches_its_caller(backend: Backend) -> None:
    journal, _ = await backend.open()
    with pytest.raises(RuntimeError, match="StopIteration"):
        await journal.change(lambda tx: next(iter([])))
    assert await journal.append(puts("a", "1"))


async def test_a_tx_is_worth_nothing_after_its_change(backend: Backend) -> None:
    journal, inbox = await backend.open()
    tx = await journal.change(lambda tx: tx)
    with pytest.raises(JournalError, match="over"):
        tx.publish(Draft("a", b"1"))
    assert inbox == []

"""The lines of a command before the board takes them."""

from commands.lines import BATCH_CHARACTERS, BATCH_LINES, LONGEST_LINE, WAITING_BYTES, WAITING_LINES, Lines


def test_a_line_is_whole_however_it_comes_and_the_last_needs_no_end() -> None:
    lines = Lines()
    for part in (b"on", b"e\ntwo\n", b"\n\xc3", b"\xa4 and \xff", b"\nlast"):
        lines.take(part)
    assert lines.batch() == ["one", "two", "", "ä and �"]
    assert lines.batch() == []
    assert lines.batch(last=True) == ["last"]
    assert lines.batch(last=True) == []
    assert (lines.count, lines.newest) == (5, "last")


def test_lines_of_two_outputs_are_not_mixed() -> None:
    lines = Lines()
    lines.take(b"out: on", 1)
    lines.take(b"err: one\nerr: last", 2)
    lines.take(b"e\n", 1)
    assert lines.batch(last=True) == ["err: one", "out: one", "err: last"]


def test_the_newest_line_is_what_a_terminal_shows_of_it() -> None:
    lines = Lines()
    lines.take(b" 10 %\r 20 %\r\x1b[32m 30 %\x1b[0m\n   \n")
    lines.batch()
    assert lines.newest == "30 %"


def test_no_batch_is_larger_than_a_request_may_be() -> None:
    lines = Lines()
    lines.take(b"x\n" * (BATCH_LINES + 1))
    assert [len(lines.batch()), len(lines.batch())] == [BATCH_LINES, 1]
    for _ in range(9):
        lines.take(b"y" * 100_000 + b"\n" + b"z" * 3_000 + b"\n")
    while batch := lines.batch():
        assert sum(map(len, batch)) < BATCH_CHARACTERS + LONGEST_LINE
        assert max(map(len, batch)) <= LONGEST_LINE


def test_what_nobody_takes_is_bounded_and_counted() -> None:
    lines = Lines()
    for _ in range(3 * WAITING_BYTES // 1000):
        lines.take(b"x" * 99 + b"\n" + (b"y" * 99 + b"\n") * 9)
    batch = lines.batch()
    assert lines.count == 3 * WAITING_BYTES // 1000 * 10
    told = []
    while batch:
        told += batch
        batch = lines.batch()
    assert len(told) == WAITING_LINES + 1
    assert told[-1] == f"… {lines.count - WAITING_LINES:,} lines left out: they came faster than the board took them"


def test_lines_are_counted_right_also_where_some_are_left_out() -> None:
    lines = Lines()
    for _ in range(30):
        lines.take(b"y\n" * 50_000 + b"y")
        lines.take(b"\n")
    while lines.batch(last=True):
        pass
    assert lines.count == 30 * 50_001


def test_a_line_without_an_end_does_not_grow_for_ever() -> None:
    lines = Lines()
    for _ in range(50):
        lines.take(b"." * 10_000)
        lines.batch()
    assert lines.count >= 20


def test_what_is_closed_takes_nothing() -> None:
    lines = Lines()
    lines.take(b"one\n")
    assert lines.close()
    assert not lines.close()
    lines.take(b"two\n")
    assert "one" not in lines.batch()

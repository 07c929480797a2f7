"""Links: what they carry comes whole, in few writes, held back where it is slow, and ended with them."""

import gc
import re

from asgi import turn
from muxed import Board, heard, stream, told


async def test_a_chunk_for_many_subscriptions_goes_over_the_wire_once():
    board = Board()
    async with board.ask(add=[stream(1), stream(2)]) as link:
        await link.until(lambda: len(board.running) == 2)
        live = next(iter(connection for connection in board.app.registry if connection.link is None))
        live.put(1, b"data: same\n\n")
        live.put(2, live._frames[-1][1])
        await link.until(lambda: "same" in heard(link, 2))
        assert link.body.count("same") == 1
        assert "same" in heard(link, 1)


async def test_what_is_said_in_one_turn_of_the_loop_is_one_write():
    board = Board()
    async with board.ask(add=[stream(n) for n in range(1, 31)]) as link:
        await link.until(lambda: len(board.running) == 30)
        await turn()
        before = len(link.messages)
        for number in range(1, 31):
            board.said(number, "tick")
        await link.until(lambda: link.body.count("tick") == 30)
        assert len(link.messages) == before + 1


async def test_chunks_of_foreign_streams_come_as_they_are_and_cannot_pose_as_frames():
    board = Board()
    async with board.ask(add=[[1, "/foreign", ""]]) as link:
        await link.until(lambda: {"end": True} in told(link, 1))
        assert heard(link, 1) == "data: split\r\n\r\ndata: \U0001f30a\n\n"
    async with board.ask(add=[stream(2)]) as link:
        await link.until(lambda: 2 in board.running)
        board.running[2].put_nowait(':9 {"status":200}\n:9 5\nevil!\n\n')
        await link.until(lambda: "evil" in heard(link, 2))
        assert told(link, 9) == []


async def test_a_slow_link_holds_its_streams_back_and_lets_them_go_on():
    board = Board()
    async with board.ask(add=[[1, "/sse/flood", ""], stream(2)]) as link:
        await link.until(lambda: "xxx" in heard(link, 1) and 2 in board.running)
        link.stall()
        board.said(2, "late")
        for _ in range(50):
            await turn()
        connection = next(iter(one for one in board.app.registry if one.link is None))
        assert connection._gathered < 3 * 64 * 1024
        before = link.body.count("x")
        link._reading.set()
        await link.until(lambda: "late" in heard(link, 2) and link.body.count("x") > before)


async def test_a_stalled_link_delays_no_other():
    board = Board()
    async with board.ask(add=[[1, "/sse/flood", ""]]) as slow, board.ask(add=[stream(2)]) as other:
        await slow.until(lambda: "xxx" in slow.body and 2 in board.running)
        slow.stall()
        for number in range(10):
            board.said(2, f"tick {number}")
        await other.until(lambda: "tick 9" in heard(other, 2))


async def test_a_stop_ends_every_stream_runs_every_finally_and_says_when_to_come_back():
    board = Board()
    async with board.ask(add=[stream(1), stream(2), [3, "/deaf", ""]]) as link:
        await link.until(lambda: len(board.running) == 2 and told(link, 3))
        board.app.lifecycle.stop()
        await link.done()
        retry = int(re.search(r"retry: (\d+)\n\n$", link.body)[1])
        assert 500 <= retry <= 2500
        assert not any("end" in what for number in (1, 2, 3) for what in told(link, number))
        assert sorted(board.ended) == [-1, 1, 2]
    async with board.ask(add=[stream(1)]) as refused:
        await refused.done()
        assert refused.status == 503


async def test_a_client_that_leaves_ends_every_stream_also_those_that_do_not_listen():
    board = Board()
    async with board.ask(add=[stream(1), [2, "/deaf", ""]]) as link:
        await link.until(lambda: len(board.running) == 1 and told(link, 2))
        link.leave()
        await link.done()
    assert sorted(board.ended) == [-1, 1]


async def test_a_heartbeat_keeps_the_link_awake():
    board = Board()
    board.app.registry.heartbeat = 0.0
    async with board.ask(add=[stream(1)]) as link:
        await link.until(lambda: link.body.endswith(":\n\n"))


async def test_a_link_that_has_ended_leaves_nothing_behind():
    board = Board()
    async with board.ask(add=[stream(1), stream(2)]) as link:
        await link.until(lambda: len(board.running) == 2)
    del link
    board.seen.clear()
    gc.collect()
    assert not [one for one in gc.get_objects() if type(one).__name__ in ("Link", "MuxStream", "Subscription")]
    assert board.app.registry.inside == set()

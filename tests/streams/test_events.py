"""The plain messages of a real server."""

import json
import re


def test_events_are_json_without_a_name_ten_a_second(board):
    with board.open("/events") as stream:
        stream.read_until(b"#11 ")
    assert "event:" not in stream.text
    messages = [json.loads(line)["message"] for line in re.findall(r"^data: (.+\})$", stream.text, re.M)]
    assert [re.fullmatch(r"Update #(\d+) \d\d:\d\d:\d\d\.\d{6}", message)[1] for message in messages] == [
        str(n + 1) for n in range(len(messages))
    ]


def test_events_go_on_after_the_last_one_seen(board):
    with board.open("/events", headers={"Last-Event-ID": "99"}) as stream:
        stream.read_until(b"\n\n\r\n")
        stream.read_until(b"}\n\n")
        assert '"Update #100 ' in stream.text

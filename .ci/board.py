"""Run README's first command as a newcomer does: look at the page, read the stream, press Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPResponse

START_SECONDS = 240  # the installation included
STOP_SECONDS = 2.0


def main(command: str) -> None:
    """Start the board by `command` on a free port; end with one line where it does not do what README says."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"TIDEWIRE_PORT": str(port)}
    process = subprocess.Popen(["bash", "-c", command], env=environment, start_new_session=True)
    try:
        page = wait_for_page(process, port)
        assert "<title>" in page, page
        stream = get(port, "/sse/counter")
        assert stream.getheader("content-type", "").startswith("text/event-stream"), stream.getheaders()
        while not stream.readline().startswith(b"event: counter"):
            pass
        pressed = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the whole group
        stream.read()  # raises IncompleteRead where the stream does not end properly
        code = process.wait(10)
        took = time.monotonic() - pressed
        assert code in (0, 130, -signal.SIGINT), f"exit code {code}"
        assert took <= STOP_SECONDS, f"the stop took {took:.1f} s with a stream open"
        print(f"answered on port {port}, streamed, and stopped in {took:.2f} s")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def wait_for_page(process: "subprocess.Popen[bytes]", port: int) -> str:
    """Wait until the first page is there."""
    limit = time.monotonic() + START_SECONDS
    while time.monotonic() < limit and process.poll() is None:
        try:
            answer = get(port, "/")
        except OSError:
            time.sleep(0.2)
            continue
        assert answer.status == 200, answer.status
        return answer.read().decode()
    sys.exit(f"the board did not start: exit code {process.poll()}")


def get(port: int, path: str) -> HTTPResponse:
    """Ask the board."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    return connection.getresponse()


if __name__ == "__main__":
    main(sys.argv[1])

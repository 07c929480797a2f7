"""Apps of others, as they run them: `uvicorn app:app`, in a folder of their own."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from servers import environment, free_port, until


@contextlib.contextmanager
def serving(uvicorn: list[str], app: str, folder: Path, *, source: Path | None = None, **env: str) -> Iterator[str]:
    """Run `app` from the folder `source` with its data in `folder`; give its address. It must stop without a fault."""
    port, log = free_port(), folder / "log"
    command = [*uvicorn, "--app-dir", str(source or folder), "--port", str(port), app]
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, env=environment(**env), stdout=out, stderr=out)
    try:
        until(lambda: "Uvicorn running on" in log.read_text() or process.poll() is not None, 60)
        assert process.poll() is None, log.read_text()
        yield f"http://127.0.0.1:{port}"
        process.terminate()
        process.wait(15)
        assert "Application shutdown complete" in log.read_text()
        assert not any(word in log.read_text() for word in ("Traceback", "ERROR")), log.read_text()
    finally:
        process.kill()
        process.wait()

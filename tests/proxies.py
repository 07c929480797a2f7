"""nginx and Caddy with the configurations of docs/proxies, on ports of their own, before a server of the tests."""

import contextlib
import os
import shutil
import signal
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from checkout import ROOT
from servers import free_port, until

CONFIGURATIONS = ROOT / "docs" / "proxies"
NGINX = """daemon off; pid {folder}/pid; error_log {folder}/log info; worker_processes 1;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  include {folder}/site.conf;
}}
"""
CADDY = """{{
  admin localhost:{admin}
  auto_https disable_redirects
  skip_install_trust
}}
"""


class Front:
    """A proxy that runs."""

    def __init__(self, name: str, url: str, reload: list[str], env: dict[str, str], log: Path) -> None:
        self.name, self.url, self._reload, self._env, self._log = name, url, reload, env, log
        self.http = httpx.Client(base_url=url, verify=False, trust_env=False, timeout=30)

    def reload(self) -> None:
        done = subprocess.run(self._reload, env=self._env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    @property
    def log(self) -> str:
        return self._log.read_text()


def program(name: str) -> str:
    # Debian has nginx in /usr/sbin, which is not on everybody's path.
    path = f"{os.environ['PATH']}{os.pathsep}/usr/sbin"
    return shutil.which(name, path=path) or (pytest.fail if "CI" in os.environ else pytest.skip)(f"no {name}")


@contextlib.contextmanager
def running(name: str, command: list[str], reload: list[str], folder: Path, url: str) -> Iterator[Front]:
    env = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=out)
    front = Front(name, url, reload, env, folder / "out")
    try:
        until(lambda: answers(front) or process.poll() is not None, 20)
        assert process.poll() is None, front.log
        yield front
    finally:
        front.http.close()
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()
        process.wait()


def answers(front: Front) -> bool:
    with contextlib.suppress(httpx.TransportError, ssl.SSLError):
        return front.http.get("/health/live").status_code == 200
    return False


@contextlib.contextmanager
def nginx(board: int, folder: Path) -> Iterator[Front]:
    """nginx before the port of a board, over HTTP."""
    binary, port = program("nginx"), free_port()
    site = (CONFIGURATIONS / "nginx.conf").read_text()
    site = site.replace("listen 80;", f"listen 127.0.0.1:{port};").replace("127.0.0.1:5001", f"127.0.0.1:{board}")
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder))
    command = [binary, "-e", str(folder / "log"), "-c", str(folder / "nginx.conf")]
    with running("nginx", command, [*command, "-s", "reload"], folder, f"http://localhost:{port}") as front:
        yield front


@contextlib.contextmanager
def caddy(board: int, folder: Path) -> Iterator[Front]:
    """Caddy before the port of a board, over HTTPS with a certificate that it makes itself."""
    binary, port, admin = program("caddy"), free_port(), free_port()
    site = (CONFIGURATIONS / "Caddyfile").read_text()
    site = site.replace("board.example {", f"https://localhost:{port} {{\n\ttls internal")
    site = site.replace("127.0.0.1:5001", f"127.0.0.1:{board}")
    config = folder / "Caddyfile"
    config.write_text(CADDY.format(admin=admin) + site)
    given = ["--config", str(config), "--adapter", "caddyfile"]
    reload = [binary, "reload", "--force", *given, "--address", f"localhost:{admin}"]
    with running("caddy", [binary, "run", *given], reload, folder, f"https://localhost:{port}") as front:
        yield front


FRONTS = {"nginx": nginx, "caddy": caddy}

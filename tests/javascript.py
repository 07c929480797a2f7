"""JavaScript, run by Node."""

import os
import shutil
import subprocess

import pytest


def node(*arguments: str, given: str = "") -> str:
    found = shutil.which("node")
    if found is None and not os.environ.get("CI"):
        pytest.skip("no Node")
    done = subprocess.run([found, *arguments], input=given, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

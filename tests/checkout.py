"""The project's files: where they are, and a copy that a test may change."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = Path(__file__).parent
SOURCES = (
    "main.py",
    "settings.py",
    "guard.py",
    "throttle.py",
    "commands",
    "components",
    "streams",
    "tidewire",
    "static",
)


def copied(folder: Path) -> Path:
    for name in SOURCES:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return folder

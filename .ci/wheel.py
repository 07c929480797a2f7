"""Check the wheel that is installed here: the package alone, whole, and content with starlette and pydantic."""

import importlib.metadata
import importlib.util
import pkgutil
import sys
from pathlib import Path
from zipfile import ZipFile

import tidewire

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Raise AssertionError where the wheel is not what it should be."""
    names = set(ZipFile(sys.argv[1]).namelist())
    tops = {name.split("/")[0] for name in names}
    assert tops == {"tidewire", f"tidewire-{importlib.metadata.version('tidewire')}.dist-info"}, tops

    source = (path for path in (ROOT / "tidewire").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    lacking = {str(path.relative_to(ROOT)) for path in source} - names
    assert not lacking, f"not in the wheel: {lacking}"
    assert {"tidewire/py.typed", "tidewire/static/live.js"} <= names, names

    needs = [need for need in importlib.metadata.requires("tidewire") or [] if "extra ==" not in need]
    assert sorted(need.split(">")[0] for need in needs) == ["pydantic", "starlette"], needs
    for absent in ("fasthtml", "uvicorn", "fastlite", "main", "components", "streams"):
        assert importlib.util.find_spec(absent) is None, f"{absent} is installed: this proves nothing"

    assert ROOT not in Path(tidewire.__file__).parents, "imported from the checkout, not from the wheel"
    modules = [module.name for module in pkgutil.walk_packages(tidewire.__path__, "tidewire.")]
    for module in modules:
        importlib.import_module(module)
    print(f"{len(names)} files; {len(modules)} modules import with {', '.join(needs)}")


if __name__ == "__main__":
    main()

"""What is vendored is what it says it is, and nothing of ours reaches for another origin."""

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
VENDORS = [ROOT / place / "vendor" for place in ("static", "tidewire/static", "tests")]
ASSETS = [(place, asset) for place in VENDORS for asset in tomllib.loads((place / "VENDOR.toml").read_text())["asset"]]
OURS = sorted(
    path
    for place in ("static", "tidewire/static", "components")
    for path in (ROOT / place).rglob("*")
    if path.suffix in {".css", ".js", ".py", ".svg", ".html"} and not set(VENDORS) & set(path.parents)
)
COMMENTS = {
    ".css": re.compile(r"/\*.*?\*/", re.S),
    ".js": re.compile(r"/\*.*?\*/|(?m:^\s*//.*$|\s//\s.*$)", re.S),
    ".py": re.compile(r"(?m:^\s*#.*$|\s#\s.*$)"),
}
# A scheme, or the two slashes that borrow the page's, at the start of an address.
ELSEWHERE = re.compile(r"""(?:url\(\s*["']?|["'`])(?:(?:https?|wss?|ftp):)?//(?=[\w\[{$])[^\s"'`)]*""")


def addresses(path: Path) -> list[str]:
    text = path.read_text()
    if path.suffix in COMMENTS:
        text = COMMENTS[path.suffix].sub("", text)
    return ELSEWHERE.findall(re.sub(r"""xmlns(:\w+)?=["'][^"']*["']""", "", text))


@pytest.mark.parametrize(("place", "asset"), ASSETS, ids=[asset["name"] for _, asset in ASSETS])
def test_a_vendored_file_and_its_licence_are_the_ones_recorded(place, asset):
    for file, checksum in (("file", "sha256"), ("licence_file", "licence_sha256")):
        assert hashlib.sha256((place / asset[file]).read_bytes()).hexdigest() == asset[checksum], asset[file]
    assert asset["version"]
    assert asset["licence"]
    assert f"@{asset['version']}/" in asset["source"]


@pytest.mark.parametrize("place", VENDORS, ids=lambda place: place.parts[-3])
def test_everything_in_vendor_is_recorded(place):
    recorded = {asset[key] for lies, asset in ASSETS if lies == place for key in ("file", "licence_file")}
    assert {path.name for path in place.rglob("*") if path.is_file()} == recorded | {"VENDOR.toml"}


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_of_ours_refers_to_another_origin(path):
    assert addresses(path) == []


@pytest.mark.parametrize(
    ("suffix", "text", "count"),
    [
        (".css", 'a { background: url(https://a.example/b.png) } @import "//b.example/c.css";', 2),
        (".js", 'import("https://a.example/b.js"); fetch(`https://${host}/x`)', 2),
        (".py", 'Script(src="https://a.example/b.js")', 1),
        (".js", '// see https://html.spec.whatwg.org\nconst a = "/x"; // as "https://a.example" says', 0),
        (".svg", '<svg xmlns="http://www.w3.org/2000/svg"/>', 0),
    ],
)
def test_the_search_for_other_origins_finds_them(tmp_path, suffix, text, count):
    path = tmp_path / f"x{suffix}"
    path.write_text(text)
    assert len(addresses(path)) == count

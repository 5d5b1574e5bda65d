"""The site of the documents: it builds without a warning, has every page, and loads nothing from elsewhere."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from keystone.environment.env import BASE_DIR

SVG = "{http://www.w3.org/2000/svg}"
LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio)\b[^>]*\bsrc=["']?([^"'\s>]+)"""
    r"""|<link\b(?=[^>]*\brel=["']?(?:stylesheet|icon|preload|preconnect|manifest))[^>]*\bhref=["']?([^"'\s>]+)"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `bash scripts/docs.sh build` does it."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=BASE_DIR,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONWARNINGS": ""},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    return folder


@pytest.mark.slow
def test_every_document_is_a_page(site: Path) -> None:
    pages = {path.parent.relative_to(site).as_posix() for path in site.rglob("index.html")}
    documents = {
        path.relative_to(BASE_DIR / "docs").with_suffix("").as_posix() for path in (BASE_DIR / "docs").rglob("*.md")
    }
    assert pages == documents | {".", "contributing", "security", "changelog", "adr"}


@pytest.mark.slow
def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    addresses = {
        next(filter(None, found)) for page in site.rglob("*.html") for found in LOADED.findall(page.read_text())
    }
    assert len(addresses) > 5
    assert [address for address in addresses if re.match(r"(?:[a-z]+:)?//", address)] == []
    imported = [path for path in site.rglob("*.css") if re.search(r"""@import|url\(["']?https?:""", path.read_text())]
    assert imported == []


@pytest.mark.slow
def test_the_readme_is_the_home_page_and_its_links_stay_on_the_site(site: Path) -> None:
    home = (site / "index.html").read_text()
    assert "From registration to a signed-in request" in home
    assert re.search(r'href="?operations/"?', home)
    assert "LICENSE" not in re.findall(r'href="?([^"\s>]+)', home)


@pytest.mark.slow
def test_the_search_knows_the_pages(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text())
    titles = {entry["title"] for entry in index["docs"]}
    assert {"Settings", "Rotate keys", "Troubleshoot"} <= titles


@pytest.mark.slow
def test_tables_show_no_backslash_before_a_bar(site: Path) -> None:
    assert "db show NAME|BRANCH" in (site / "kcli" / "index.html").read_text()


def test_the_diagram_can_be_read_to_somebody_and_in_the_dark() -> None:
    text = (BASE_DIR / "docs" / "architecture.svg").read_text()
    root = ElementTree.fromstring(text)  # noqa: S314 - our own file
    title, described = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert described is not None
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {described.get('id')}"
    assert "@media (prefers-color-scheme: dark)" in text
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)\S+", text) == []

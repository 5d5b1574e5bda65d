"""The site's hook (mkdocs.yml): README.md and its like are pages of it, without being copied into docs/.

One text has one place, and its links work in the repository and on the site: links between pages are turned to where
the pages are on the site, links to files that are none of its pages become plain text.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
DOCS = "docs/"
BESIDE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
DECISIONS, DECISIONS_INDEX = "adr/", "adr/index.md"
FENCE = re.compile(r"^(```.*?^[ ]*```)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[([^\]\[]+)\]\(([^()\s]+)\)")
IMAGE = re.compile(r"(!\[[^\]]*\]\()docs/")
CELL = re.compile(r"<td.*?</td>", re.DOTALL)
TITLE = re.compile(r"^# (.+)$", re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put each decision into the navigation, so that a new one needs no line there."""
    found = sorted(path.name for path in (ROOT / DOCS / DECISIONS).glob("[0-9]*.md"))
    pages = [DECISIONS_INDEX, *(DECISIONS + name for name in found)]
    config.nav = _with_decisions(config.nav, pages)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie beside docs/, and the list of decisions."""
    for source, name in BESIDE.items():
        files.append(File.generated(config, name, content=(ROOT / source).read_text()))
    names = sorted(file.src_uri for file in files if file.src_uri.startswith(DECISIONS))
    lines = [f"- [{_title(name)}]({posixpath.basename(name)})" for name in names]
    text = "# Decisions\n\nWhat was worth arguing about, a page each.\n\n" + "\n".join(lines) + "\n"
    files.append(File.generated(config, DECISIONS_INDEX, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the links of a page, but for those in blocks of code."""
    parts = FENCE.split(markdown)
    parts[::2] = [LINK.sub(lambda link: _turned(link, page.file.src_uri), part) for part in parts[::2]]
    if page.file.src_uri in BESIDE.values():
        parts[::2] = [IMAGE.sub(r"\1", part) for part in parts[::2]]
    return "".join(parts)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Take the backslash from `a\\|b` in tables, which the repository's renderer wants there and this one shows."""
    return CELL.sub(lambda cell: cell.group().replace("\\|", "|"), html)


def _turned(link: "re.Match[str]", page: str) -> str:
    text, target = link.groups()
    path, mark, anchor = target.partition("#")
    if ":" in path or not path or page == DECISIONS_INDEX:
        return link.group()
    here = next((source for source, name in BESIDE.items() if name == page), DOCS + page)
    found = posixpath.normpath(posixpath.join(posixpath.dirname(here), path))
    if found == (DOCS + DECISIONS).rstrip("/"):
        found = DOCS + DECISIONS_INDEX
    if found not in BESIDE and not found.startswith(DOCS):
        return text
    name = BESIDE.get(found, found.removeprefix(DOCS))
    return f"[{text}]({posixpath.relpath(name, posixpath.dirname(page) or '.')}{mark}{anchor})"


def _title(name: str) -> str:
    found = TITLE.search((ROOT / DOCS / name).read_text())
    return found.group(1) if found else name


def _with_decisions(entries: Any, pages: list[str]) -> Any:
    if isinstance(entries, list):
        return [_with_decisions(entry, pages) for entry in entries]
    if isinstance(entries, dict):
        return {name: _with_decisions(entry, pages) for name, entry in entries.items()}
    return pages if entries == DECISIONS else entries

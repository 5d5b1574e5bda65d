"""The documents as the tests see them: blocks and spans of code, links, and the anchors that links lead to."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from keystone.environment.env import BASE_DIR

DOCUMENTS = sorted([*BASE_DIR.glob("*.md"), *(BASE_DIR / "docs").rglob("*.md")])
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
HEREDOC = re.compile(r"<<-?'?(?P<word>[A-Z]+)'?\n(?P<text>.*?)^ *(?P=word)$", re.MULTILINE | re.DOTALL)
OPERATORS = frozenset("();<>|&")


@dataclass(frozen=True)
class Code:
    """A block or a span of code.

    Attributes:
        place: the document and the line, for whoever mends it.
        language: of a block, such as `bash`; empty for a span.
        text: the code, without what a block is indented by.
    """

    place: str
    language: str
    text: str

    def __str__(self) -> str:
        return self.place


@cache
def read(document: Path) -> str:
    """The text of a document."""
    return document.read_text(encoding="utf-8")


def blocks(*languages: str, documents: list[Path] = DOCUMENTS) -> list[Code]:
    """The blocks in these languages."""
    return [block for document in documents for block in _blocks(document) if block.language in languages]


def _blocks(document: Path) -> Iterator[Code]:
    text = read(document)
    for found in FENCE.finditer(text):
        code = re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE)
        yield Code(_place(document, text, found.start()), found["language"], code)


def spans() -> Iterator[Code]:
    """The code in the middle of sentences and tables."""
    for document in DOCUMENTS:
        text = FENCE.sub(lambda block: "\n" * block.group().count("\n"), read(document))
        for found in SPAN.finditer(text):
            yield Code(_place(document, text, found.start()), "", found.group(1).replace("\\|", "|"))


def links(document: Path) -> list[str]:
    """Where the links of a document lead, but for those to other sites."""
    found = LINK.findall(FENCE.sub("", read(document)))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def anchors(document: Path) -> set[str]:
    """What links to headings of a document end with, as GitHub makes it."""
    seen: list[str] = []
    for heading in HEADING.findall(FENCE.sub("", read(document))):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
        anchor = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        seen.append(f"{anchor}-{seen.count(anchor)}" if anchor in seen else anchor)
    return set(seen)


def commands_of(block: Code) -> Iterator[list[str]]:
    """The words behind `manage.py` of each command of a shell's block that calls it."""
    for line in HEREDOC.sub("", block.text).replace("\\\n", " ").splitlines():
        if "manage.py" not in line:
            continue
        words = shlex.shlex(line, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        command: list[str] | None = None
        for word in words:
            if OPERATORS.issuperset(word):
                if command:
                    yield command
                command = None
            elif command is not None:
                command.append(word)
            elif Path(word).name == "manage.py":
                command = []
        if command:
            yield command


def _place(document: Path, text: str, position: int) -> str:
    return f"{document.relative_to(BASE_DIR)}:{text.count(chr(10), 0, position) + 1}"

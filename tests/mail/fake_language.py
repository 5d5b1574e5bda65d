"""A language in which every text is its English self between « and »: what has no mark was never translated."""

import re
import struct
from collections.abc import Iterator
from pathlib import Path

from django.template import Context, Template
from django.template.base import Node
from django.templatetags.i18n import BlockTranslateNode, TranslateNode

CODE = "xx"
HEADER = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"
MAGIC = 0x950412DE  # of a compiled catalogue, in the machine's order of bytes
_MARKED = re.compile("«[^«»]*»")


def write_catalogue(folder: Path, templates: list[Template]) -> None:
    """Compile the texts of these templates into `folder`, for LOCALE_PATHS."""
    entries = {"": HEADER}
    for template in templates:
        for node in template.nodelist.get_nodes_by_type(Node):
            entries.update(_entries(node))
    path = folder / CODE / "LC_MESSAGES" / "django.mo"
    path.parent.mkdir(parents=True)
    path.write_bytes(_compiled(entries))


def unmarked(text: str) -> str:
    """What is left of a text without all that was translated."""
    while _MARKED.search(text):
        text = _MARKED.sub("", text)
    return text


def _entries(node: Node) -> Iterator[tuple[str, str]]:
    if isinstance(node, TranslateNode):
        literal = getattr(node.filter_expression.var, "literal", None)
        if isinstance(literal, str):
            yield _context(node) + literal.replace("%", "%%"), f"«{literal}»"
    elif isinstance(node, BlockTranslateNode):
        singular, _ = node.render_token_list(node.singular)
        if node.plural:
            plural, _ = node.render_token_list(node.plural)
            yield _context(node) + singular + "\0" + plural, f"«{singular}»\0«{plural}»"
        else:
            yield _context(node) + singular, f"«{singular}»"


def _context(node: TranslateNode | BlockTranslateNode) -> str:
    return f"{node.message_context.resolve(Context())}\x04" if node.message_context else ""


def _compiled(entries: dict[str, str]) -> bytes:
    """The catalogue in the format of GNU gettext: two tables of lengths and places, then the texts."""
    pairs = sorted((key.encode(), value.encode()) for key, value in entries.items())
    places, texts = [], b""
    begin = 28 + 16 * len(pairs)
    for side in (0, 1):
        for pair in pairs:
            places.append(struct.pack("=2I", len(pair[side]), begin + len(texts)))
            texts += pair[side] + b"\0"
    head = struct.pack("=7I", MAGIC, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, begin)
    return head + b"".join(places) + texts

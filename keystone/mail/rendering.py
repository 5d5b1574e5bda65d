"""Render a mail: one template gives its subject, its text part and, by MJML, its HTML part."""

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from django.conf import settings
from django.template import Context, Engine
from django.utils import timezone, translation
from django.utils.safestring import mark_safe
from mjml import mjml2html

from keystone.conf import options

FOLDER = "keystone/emails"
TEXT_WIDTH = 72  # columns; RFC 5322 asks for at most 78
NAME_LIMIT = 60  # characters
SIGNATURE = "-- "  # RFC 3676, section 4.3: mail programs leave what follows out of an answer

# What XML, and so MJML, cannot hold; and the marks that turn the direction of the text around them.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
# Mail programs make links of these. A stranger who registers somebody's address must not choose what we link to.
_LOOKS_LIKE_A_LINK = re.compile(r"[/\\@:]|\.\w")


@dataclass(frozen=True)
class Rendered:
    """A mail as it is sent."""

    subject: str
    text: str
    html: str


def render(name: str, context: Mapping[str, Any], *, language: str = "") -> Rendered:
    """Render the mail `name`.

    Args:
        name: of the template `keystone/emails/<name>.mjml`, which has the partials `subject`, `preheader`, `text`,
            `body` and `why`. A file of that name in the site's `templates/` wins.
        context: what the template shows. What people typed belongs here as it is; it is escaped here.
        language: its code; LANGUAGE_CODE where it is empty.

    Raises:
        TemplateDoesNotExist, TemplateSyntaxError: the template is missing, lacks a partial or is wrong.
        ValueError: what came out is not MJML.
    """
    language = language or settings.LANGUAGE_CODE
    with translation.override(language), timezone.override(UTC):
        values = {key: _printable(value) for key, value in context.items()}
        values |= {
            "name": as_name(str(values.get("name", ""))),
            "project_name": _printable(options().project_name),
            "public_link": options().link_url,
            "support_email": options().support_email,
            "language": language,
            "direction": "rtl" if translation.get_language_bidi() else "ltr",
        }
        # White space of every kind becomes one space: a subject is one line, and cannot begin another header.
        subject = " ".join(_part(name, "subject", values, escape=False).split())
        why = _part(name, "why", values, escape=False).strip()
        text = _part("layout", "text", {**values, "text": _part(name, "text", values, escape=False), "why": why})
        body = mark_safe(_part(name, "body", values, escape=True))  # noqa: S308 - escaped by its own template
        preheader = " ".join(_part(name, "preheader", values, escape=False).split())
        frame = {**values, "subject": subject, "preheader": preheader, "body": body, "why": why}
        html = mjml2html(_part("layout", "html", frame, escape=True), fonts={})  # fonts: fetches none from Google
    return Rendered(subject, _wrap(text), html)


def _part(name: str, partial: str, values: dict[str, Any], *, escape: bool = False) -> str:
    template = Engine.get_default().get_template(f"{FOLDER}/{name}.mjml#{partial}")
    return template.render(Context(values, autoescape=escape))


def _printable(value: object) -> object:
    """A value without signs that cannot be shown, also inside lists and mappings."""
    if isinstance(value, str):
        return _UNPRINTABLE.sub("", value.replace("\r\n", "\n"))
    if isinstance(value, Mapping):
        return {key: _printable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(inner) for inner in value]
    return value


def as_name(name: str) -> str:
    """The name on one line, or nothing where it could be somebody's message rather than a name.

    For every name that somebody else reads in a mail; the one that it greets with is put through this anyway.
    """
    name = " ".join(_UNPRINTABLE.sub("", name).split())
    return "" if len(name) > NAME_LIMIT or _LOOKS_LIKE_A_LINK.search(name) else name


def _wrap(text: str) -> str:
    """The text with lines of at most `TEXT_WIDTH`, links whole, and never two empty lines in a row."""
    lines: list[str] = []
    for line in text.strip().splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        wrapped = (
            [SIGNATURE]
            if line == SIGNATURE
            else textwrap.wrap(
                line.rstrip(),
                TEXT_WIDTH,
                subsequent_indent=indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
        )
        if wrapped or (lines and lines[-1]):
            lines += wrapped or [""]
    return "\n".join(lines) + "\n"

"""Render a mail: one template gives its subject, its text part and, with MJML, its HTML part."""

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
TEXT_WIDTH = 72  # columns; RFC 5322 recommends at most 78
NAME_LIMIT = 60  # characters
SIGNATURE = "-- "  # RFC 3676, section 4.3: mail programs leave out what follows in replies

# Characters that are invalid in XML, and so in MJML, and those that change the direction of the surrounding text.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
# Mail programs turn these into links. A stranger who registers somebody's email address must not choose the link.
_LOOKS_LIKE_A_LINK = re.compile(r"[/\\@:]|\.\w")


@dataclass(frozen=True)
class Rendered:
    """A rendered mail."""

    subject: str
    text: str
    html: str


def render(name: str, context: Mapping[str, Any], *, language: str = "") -> Rendered:
    """Render the mail `name`.

    Args:
        name: the name of the template `keystone/emails/<name>.mjml`, which has the partials `subject`, `preheader`,
            `text`, `body` and `why`. A file of that name in the site's `templates/` takes precedence.
        context: the template's context. Pass user input unescaped; it is escaped here.
        language: the language's code; empty for LANGUAGE_CODE.

    Raises:
        TemplateDoesNotExist, TemplateSyntaxError: the template is missing, lacks a partial or is invalid.
        ValueError: the output is not valid MJML.
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
        # All whitespace becomes single spaces: a subject is one line and can't begin another header.
        subject = " ".join(_part(name, "subject", values, escape=False).split())
        why = _part(name, "why", values, escape=False).strip()
        text = _part("layout", "text", {**values, "text": _part(name, "text", values, escape=False), "why": why})
        body = mark_safe(_part(name, "body", values, escape=True))  # noqa: S308 - escaped by its own template
        preheader = " ".join(_part(name, "preheader", values, escape=False).split())
        frame = {**values, "subject": subject, "preheader": preheader, "body": body, "why": why}
        html = mjml2html(_part("layout", "html", frame, escape=True), fonts={})  # fonts={}: load none from Google
    return Rendered(subject, _wrap(text), html)


def _part(name: str, partial: str, values: dict[str, Any], *, escape: bool = False) -> str:
    template = Engine.get_default().get_template(f"{FOLDER}/{name}.mjml#{partial}")
    return template.render(Context(values, autoescape=escape))


def _printable(value: object) -> object:
    """Return the value without unprintable characters, also inside lists and mappings."""
    if isinstance(value, str):
        return _UNPRINTABLE.sub("", value.replace("\r\n", "\n"))
    if isinstance(value, Mapping):
        return {key: _printable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(inner) for inner in value]
    return value


def as_name(name: str) -> str:
    """Return the name on one line; empty if it could be a message rather than a name.

    Use it for every name that another person reads in a mail. The name in the greeting is passed through it anyway.
    """
    name = " ".join(_UNPRINTABLE.sub("", name).split())
    return "" if len(name) > NAME_LIMIT or _LOOKS_LIKE_A_LINK.search(name) else name


def _wrap(text: str) -> str:
    """Wrap the text at `TEXT_WIDTH`. Links are not broken, and there are never two empty lines in a row."""
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

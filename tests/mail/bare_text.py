"""Finding the words of a mail's template that no translator ever sees."""

import re
from collections.abc import Iterator

from django.template.base import Lexer, Token, TokenType

INTERNATIONAL = {"UTC"}  # the same in every language
_NOT_READ = re.compile(r"<mj-style>.*?</mj-style>|<!--.*?-->", re.DOTALL)
_SPOKEN = re.compile(r"""\b(?:alt|title|aria-label|label|summary)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_TAG = re.compile(r"<[^>]*>", re.DOTALL)
_WORD = re.compile(r"[^\W\d_]+")
# Texts in quotes that are no words: formats of dates, and where a part of another template is.
_FORMATS = re.compile(r"""\|(?:date|time):(?:"[^"]*"|'[^']*')""")
_SHOWN_LITERAL = re.compile(r"""(?:=|:|^firstof\s|^firstof.*?\s)(?:"([^"]*)"|'([^']*)')|^(?:"([^"]*)"|'([^']*)')""")
_SILENT_TAGS = ("load", "partial", "partialdef", "endpartialdef", "extends", "if", "elif", "translate", "trans")


def bare_words(source: str) -> list[str]:
    """The words outside `{% translate %}` and `{% blocktranslate %}` that readers would see."""
    tokens = list(_outside_translations(Lexer(source).tokenize()))
    literals = [word for token in tokens if token.token_type != TokenType.TEXT for word in _literals(token)]
    # A tag of MJML may have variables in it: they stand as a sign that is no word.
    text = "".join(token.contents if token.token_type == TokenType.TEXT else "\0" for token in tokens)
    text = _NOT_READ.sub(" ", text)
    spoken = [word for match in _SPOKEN.finditer(text) for word in _WORD.findall(match[1] or match[2] or "")]
    return [word for word in _WORD.findall(_TAG.sub(" ", text)) + spoken + literals if word not in INTERNATIONAL]


def _outside_translations(tokens: list[Token]) -> Iterator[Token]:
    inside = ""
    for token in tokens:
        words = token.contents.split()
        name = words[0] if token.token_type == TokenType.BLOCK and words else ""
        if inside:
            inside = "" if name == f"end{inside}" else inside
        elif name in {"blocktranslate", "blocktrans", "comment"}:
            inside = name
        elif token.token_type != TokenType.COMMENT:
            yield token


def _literals(token: Token) -> list[str]:
    content = token.contents.strip()
    if token.token_type == TokenType.BLOCK and content.split()[0] in _SILENT_TAGS:
        return []
    shown = _SHOWN_LITERAL.finditer(_FORMATS.sub("", content))
    return [word for match in shown for group in match.groups() for word in _WORD.findall(group or "")]

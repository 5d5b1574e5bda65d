"""Every registered mail, Keystone's and the project's, made from its sample data."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.template import Engine, Template
from django.utils.formats import date_format
from django.utils.functional import Promise
from pytest_django import Settings

from keystone.mail.emails import trial
from keystone.mail.previews import PARTIALS, missing_partials, preview, says_nothing
from keystone.mail.registry import EMAILS
from keystone.mail.rendering import FOLDER, Rendered, render
from tests.mail.bare_text import INTERNATIONAL, bare_words
from tests.mail.fake_language import CODE, unmarked, write_catalogue

NAMES = sorted(EMAILS)
LANGUAGES = [code for code, _label in django_settings.LANGUAGES]
BIDI = "\u202e\u2066"  # what turns the direction of the text after it
TYPED = (
    '"><script>alert(1)</script><img src=x onerror=alert(2)> {{ 1234|add:4321 }} {% now "Y" %}\r\n'
    f"Bcc: everybody@example.com{BIDI}</mj-text><mj-raw>\x00"
)


def values_in(sample: Any, *place: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Each value of a sample with its place: the key, and the keys and numbers inside it."""
    inner = sample.items() if isinstance(sample, Mapping) else enumerate(sample) if isinstance(sample, list) else None
    if inner is None:
        yield place, sample
    else:
        for key, value in inner:
            yield from values_in(value, *place, key)


def with_value(sample: Any, place: tuple[Any, ...], value: Any) -> Any:
    """The sample with another value at a place."""
    if not place:
        return value
    inner = with_value(sample[place[0]], place[1:], value)
    if isinstance(sample, list):
        return [*sample[: place[0]], inner, *sample[place[0] + 1 :]]
    return {**sample, place[0]: inner}


TEXTS = [
    (name, place)
    for name in NAMES
    for place, value in values_in(EMAILS[name].sample)
    if isinstance(value, str | Promise)
]


def template_of(name: str) -> Template:
    return Engine.get_default().get_template(f"{FOLDER}/{name}.mjml")


def source_of(name: str) -> str:
    origin = template_of(name).origin
    assert origin is not None
    return Path(origin.name).read_text()


def words_of(html: str) -> str:
    """What a reader sees of the HTML part."""
    html = re.sub(r"<style.*?</style>|<!--.*?-->", " ", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_there_are_mails_of_every_subject() -> None:
    assert {"approved", "reset_password", "trial", "verify_email", "wrong_codes"} <= EMAILS.keys()


def test_every_mail_has_a_label_and_a_template_with_all_partials() -> None:
    for name in NAMES:
        assert str(EMAILS[name].label), name
        assert missing_partials(name) == [], name


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mail_renders_in_every_language(subtests: pytest.Subtests, language: str) -> None:
    for name in NAMES:
        with subtests.test(name=name):
            mail = preview(name, language=language)
            assert mail.subject == " ".join(mail.subject.split()) != ""
            assert mail.html.startswith(f'<!doctype html><html lang="{language}"')
            assert not says_nothing(name)
            for part in (mail.subject, mail.text, mail.html):
                assert not re.search(r"\{[{%#]|[}%#]\}|<mj-|\bNone\b", part)


def test_what_people_typed_is_text_and_nothing_else(subtests: pytest.Subtests) -> None:
    for name in NAMES:
        sample = EMAILS[name].sample
        for _name, place in (text for text in TEXTS if text[0] == name):
            sample = with_value(sample, place, TYPED)
        with subtests.test(name=name):
            assert_only_text(render(name, sample))


@pytest.mark.slow
def test_each_value_that_people_typed_is_text_and_nothing_else(subtests: pytest.Subtests) -> None:
    for name, place in TEXTS:
        with subtests.test(name=name, place=place):
            assert_only_text(render(name, with_value(EMAILS[name].sample, place, TYPED)))


def assert_only_text(mail: Rendered) -> None:
    """Markup, template code and line breaks in what people typed have no effect."""
    assert mail.subject.splitlines() == [mail.subject]
    assert not re.search(r"<(script|img|mj-)", mail.html)
    for part in (mail.subject, mail.text, mail.html):
        assert "5555" not in part
        assert not set(part) & set(BIDI + "\x00\r")
    if "alert(1)" in mail.text:
        assert "<script>alert(1)</script>" in mail.text
        assert '{{ 1234|add:4321 }} {% now "Y" %}' in " ".join(mail.text.split())
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in mail.html


@pytest.mark.slow
def test_the_samples_hold_what_people_type() -> None:
    shown = {
        place[-1]
        for name, place in TEXTS
        if "alert(1)" in render(name, with_value(EMAILS[name].sample, place, TYPED)).text
    }
    assert {"device", "ip_address", "new_email", "reason"} <= shown
    assert "name" not in shown


def test_every_word_of_a_template_can_be_translated() -> None:
    for name in ("layout", *NAMES):
        assert bare_words(source_of(name)) == [], name


def test_bare_words_are_found() -> None:
    for source, words in (
        ("<mj-text>Hello {{ name }}</mj-text>", ["Hello"]),
        ('<a href="{{ url }}" title="Go">{% translate "Open" %}</a>', ["Go"]),
        ("{% blocktranslate %}Hello{% endblocktranslate %} there", ["there"]),
        ('{{ name|default:"friend" }}', ["friend"]),
        ('{{ "Sir" }}', ["Sir"]),
        ('{% include "a.mjml#button" with label="Open it" %}', ["Open", "it"]),
        ('{% firstof name "you" %}', ["you"]),
        ('{{ at|date:"j F" }}{% if a == "b" %}{% endif %}{% comment %}Note{% endcomment %}{# note #}', []),
        ("<mj-style>body { color: red; }</mj-style><!-- note -->", []),
    ):
        assert bare_words(source) == words


@pytest.mark.parametrize(
    "name", ["suspended", *(pytest.param(name, marks=pytest.mark.slow) for name in NAMES if name != "suspended")]
)
def test_every_sentence_is_another_in_another_language(name: str, settings: Settings, tmp_path: Path) -> None:
    write_catalogue(tmp_path, [template_of(name), template_of("layout")])
    settings.LOCALE_PATHS = [str(tmp_path)]
    shown = {" ".join(_shown(value).split()) for _place, value in values_in(EMAILS[name].sample)}
    mail = preview(name, language=CODE)
    for part in (mail.subject, mail.text, words_of(mail.html)):
        left = unmarked(" ".join(part.split()))
        assert left != " ".join(part.split())
        for value in sorted(shown | {"http://localhost:8000", "Keystone"} | INTERNATIONAL, key=len, reverse=True):
            left = left.replace(value, " ") if value else left
        assert re.findall(r"[^\W\d_]+", left) == []


def _shown(value: Any) -> str:
    """How a value stands in a mail; of a moment, the words in it."""
    return date_format(value, "F") if isinstance(value, datetime) else str(value)


def test_a_test_of_a_mail_is_that_mail_with_a_mark(subtests: pytest.Subtests) -> None:
    note = "This is a test email with sample data: nothing has happened, and its links lead nowhere. "
    for name in NAMES:
        if name != "trial":
            mail = trial(None, of=name)
            assert mail is not None
            with subtests.test(name=name):
                tested, original = render(mail.template, mail.context), preview(name)
                assert tested.subject == f"[Test] {original.subject}"
                assert "This is a test email with sample data" in words_of(tested.html)
                assert " ".join(tested.text.split()).replace(note, "") == " ".join(original.text.split())


def test_a_test_of_nothing_says_that_mails_arrive() -> None:
    mail = trial(None)
    assert mail is not None
    assert render(mail.template, mail.context).subject == "[Test] Emails from Keystone arrive"


def test_a_test_of_a_mail_that_has_gone_is_not_needed() -> None:
    assert trial(None, of="no_such_mail") is None


def test_partials_are_those_that_the_renderer_asks_for() -> None:
    assert missing_partials("no_such_mail") == list(PARTIALS)

"""Every mail of the life cycle, rendered."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.template import TemplateDoesNotExist
from django.test import override_settings
from django.utils import timezone

from keystone.accounts.emails import addresses, decisions, passwords, registration, second_factor
from keystone.accounts.status import Status
from keystone.accounts.tokens import OneTimeToken, Purpose, digest, reserve
from keystone.mail.registry import EMAILS
from keystone.mail.rendering import TEXT_WIDTH, Rendered, render
from keystone.testing.factories import UserFactory

REASON = "Fees & <script>alert(1)</script>\nthe second line"
URL = re.compile(r"https?://[^\s\"'<>)]+")
NAMESPACES = {"http://www.w3.org/1999/xhtml"}

AT = "2026-12-24T18:30:00+00:00"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:146.0) Gecko/20100101 Firefox/146.0"

# What each mail is sent with beside the person.
CONTEXTS: dict[str, dict[str, str]] = {
    "approved": {"reason": REASON},
    "rejected": {"reason": REASON},
    "suspended": {"reason": REASON, "until": AT},
    "reactivated": {"reason": REASON},
    "deactivated": {"reason": REASON},
    "password_changed": {"at": AT, "ip_address": "192.0.2.7"},
    "email_changed": {"at": AT, "old_email": "old@example.com", "new_email": "new@example.com"},
    "email_reverted": {"at": AT, "old_email": "new@example.com", "new_email": "old@example.com"},
    "session_stolen": {"at": AT, "device": FIREFOX, "ip_address": "192.0.2.7"},
    "second_factor_set_up": {"at": AT, "ip_address": "192.0.2.7", "own": "yes"},
    "second_factor_removed": {"at": AT, "ip_address": "192.0.2.7", "own": "yes"},
    "recovery_codes_made": {"at": AT, "ip_address": "192.0.2.7", "own": "yes"},
    "recovery_code_used": {"at": AT, "ip_address": "192.0.2.7", "own": "yes", "left": "9"},
    "wrong_codes": {"at": AT, "ip_address": "192.0.2.7", "own": "yes"},
}
# And what it may do without.
VARIANTS: dict[str, tuple[str, dict[str, str]]] = {
    "approved without a reason": ("approved", {}),
    "suspended without an end": ("suspended", {"reason": REASON}),
    "choose_password after a revert": ("choose_password", {"after": "revert"}),
    "password_changed from nowhere": ("password_changed", {"at": AT}),
    "session_stolen on a device": ("session_stolen", {"at": AT, "device": FIREFOX}),
    "session_stolen from an IP address": ("session_stolen", {"at": AT, "ip_address": "2001:db8::1"}),
    "session_stolen from nowhere": ("session_stolen", {"at": AT}),
    "second_factor_set_up from nowhere": ("second_factor_set_up", {}),
    "second_factor_removed by an administrator": ("second_factor_removed", {"at": AT}),
    "recovery_codes_made from nowhere": ("recovery_codes_made", {"at": AT}),
    "recovery_code_used, one left": ("recovery_code_used", {"at": AT, "left": "1"}),
    "wrong_codes from nowhere": ("wrong_codes", {"at": AT}),
}
# Whom a mail is written to, where it is not an active person with a proved address.
PEOPLE: dict[str, dict[str, Any]] = {
    "verify_email": {"status": Status.PENDING_EMAIL_VERIFICATION},
    "registration_expires": {"status": Status.PENDING_EMAIL_VERIFICATION, "expiry_warned_at": timezone.now()},
    "already_registered, not proved": {"verified": False},
    "already_registered, not proved and rejected": {"verified": False, "status": Status.REJECTED},
}
VARIANTS |= {name: ("already_registered", {}) for name in PEOPLE if name not in EMAILS}
SUBJECTS = {module.__name__ for module in (addresses, decisions, passwords, registration, second_factor)}
LIFE_CYCLE = [name for name, kind in EMAILS.items() if kind.build.__module__ in SUBJECTS]
CASES = {name: (name, CONTEXTS.get(name, {})) for name in LIFE_CYCLE} | VARIANTS
RIGHTS = {
    "confirm_email": Purpose.CONFIRM_EMAIL,
    "email_changed": Purpose.REVERT_EMAIL,
    "reset_password": Purpose.RESET_PASSWORD,
    "choose_password": Purpose.RESET_PASSWORD,
}
# They go where nobody has proved to be the person of the account, or to an address that is not the account's.
NAMELESS = {"verify_email", "registration_expires", "confirm_email", "email_changed", "email_reverted"}


def rendered(case: str, *, first_name: str = "Ada", **fields: Any) -> Rendered:
    name, context = CASES[case]
    user = UserFactory(first_name=first_name, **PEOPLE.get(case, {}), **fields)
    if name in RIGHTS:
        email = "other@example.com" if name in NAMELESS else user.email
        right = reserve(purpose=RIGHTS[name], user=user, email=email, lifetime=timedelta(days=3))
        context = context | {"reserved": str(right.pk)}
    mail = EMAILS[name](user, **context)
    assert mail is not None
    return render(mail.template, mail.context, language=mail.language)


@pytest.mark.django_db
@pytest.mark.parametrize("case", CASES)
def test_every_mail_is_whole_in_both_parts(case: str) -> None:
    mail = rendered(case)
    assert mail.subject
    assert mail.subject == " ".join(mail.subject.split())
    assert mail.text.startswith("Hello,\n\n" if case in NAMELESS | PEOPLE.keys() else "Hello Ada,\n\n")
    assert "\n-- \nKeystone\nhttp://localhost:8000\n" in mail.text
    assert mail.html.startswith('<!doctype html><html lang="en" dir="ltr"')
    assert f"<title>{mail.subject}</title>" in mail.html
    for part in (mail.subject, mail.text, mail.html):
        assert not re.search(r"\{[{%#]|[}%#]\}|<mj-|\bNone\b", part)
    assert_fetches_nothing_and_links_only_to_us(mail)
    assert_says_the_same_in_text_and_html(mail)
    assert_wraps_its_text_and_gives_each_link_a_line(mail)
    if "reason" in CASES[case][1]:
        assert_escapes_the_reason_in_html_only(mail)


def assert_fetches_nothing_and_links_only_to_us(mail: Rendered) -> None:
    assert not re.search(r"<(img|script|link|iframe|object)\b|@import|url\(", mail.html)
    found = set(URL.findall(mail.html)) - NAMESPACES
    assert {url for url in found if not url.startswith("http://localhost:8000")} == set()


def assert_says_the_same_in_text_and_html(mail: Rendered) -> None:
    html = " ".join(unescape(re.sub(r"<[^>]+>", " ", mail.html)).split())
    for paragraph in mail.text.replace("\n-- \n", "\n\n").split("\n\n"):
        for line in paragraph.split("\n") if paragraph.startswith("Fees") else [" ".join(paragraph.split())]:
            if not line.startswith("Keystone http"):
                assert line in html


def assert_wraps_its_text_and_gives_each_link_a_line(mail: Rendered) -> None:
    for line in mail.text.splitlines():
        assert len(line) <= TEXT_WIDTH or URL.fullmatch(line)
        assert not URL.search(line) or URL.fullmatch(line)


def assert_escapes_the_reason_in_html_only(mail: Rendered) -> None:
    assert "Fees &amp; &lt;script&gt;alert(1)&lt;/script&gt;<br />the second line" in mail.html
    assert "<script" not in mail.html
    assert f"\n{REASON}\n" in mail.text


@pytest.mark.django_db
def test_a_mail_to_where_the_name_may_be_a_strangers_words_does_not_carry_it(subtests: pytest.Subtests) -> None:
    for case in CASES:
        if case in NAMELESS | PEOPLE.keys():
            mail = rendered(case, first_name="Pay now", last_name="or else")
            with subtests.test(case=case):
                assert "Pay now" not in mail.subject + mail.text + mail.html
                assert "or else" not in mail.subject + mail.text + mail.html


@pytest.mark.django_db
def test_name_is_escaped_in_html_and_as_typed_in_text(subtests: pytest.Subtests) -> None:
    for case in CASES:
        if case not in NAMELESS | PEOPLE.keys():
            mail = rendered(case, first_name="Ada & <b>")
            with subtests.test(case=case):
                assert "Hello Ada &amp; &lt;b&gt;," in mail.html
                assert mail.text.startswith("Hello Ada & <b>,\n")


def test_name_that_could_be_a_message_is_not_repeated(subtests: pytest.Subtests) -> None:
    names = ("", "you won http://evil.example", "see evil.example", "ada@example.com", "Ada " * 20, "\\\\evil\\share")
    for name in names:
        mail = render("awaiting_approval", {"name": name})
        with subtests.test(name=name):
            assert mail.text.startswith("Hello,\n\n")
            assert "evil" not in mail.text + mail.html


def test_unprintable_signs_are_left_out() -> None:
    mail = render("rejected", {"name": "A\x07d\u202ea\nB", "reason": "a\x00b\x0b\ud800\r\nc"})
    assert mail.text.startswith("Hello Ada B,\n")
    assert "\nab\nc\n" in mail.text


def test_subject_is_one_line_whatever_the_project_is_called() -> None:
    with override_settings(KEYSTONE={"PROJECT_NAME": "Acme\r\nBcc: all@example.com & Sons"}):
        mail = render("approved", {"name": "Ada", "link": "https://a.example/"})
    assert mail.subject == "Welcome to Acme Bcc: all@example.com & Sons"
    assert "<title>Welcome to Acme Bcc: all@example.com &amp; Sons</title>" in mail.html


@pytest.mark.django_db
def test_verification_mail_carries_the_token_and_the_database_only_its_digest() -> None:
    mail = rendered("verify_email")
    links = re.findall(r"^http://localhost:8000/verify-email/([\w-]{43})/$", mail.text, re.MULTILINE)
    assert len(links) == 1
    assert mail.html.count(f'href="http://localhost:8000/verify-email/{links[0]}/"') == 2
    assert list(OneTimeToken.objects.values_list("digest", flat=True)) == [digest(links[0])]


@pytest.mark.django_db
def test_mails_with_a_link_say_how_long_it_works(subtests: pytest.Subtests) -> None:
    cases = [
        ("verify_email", "EMAIL_VERIFICATION_LIFETIME", 0, "1 minute."),
        ("verify_email", "EMAIL_VERIFICATION_LIFETIME", 1, "1 minute."),
        ("verify_email", "EMAIL_VERIFICATION_LIFETIME", 30, "30 minutes."),
        ("confirm_email", "EMAIL_VERIFICATION_LIFETIME", 60, "1 hour."),
        ("choose_password", "EMAIL_VERIFICATION_LIFETIME", 90, "90 minutes."),
        ("reset_password", "PASSWORD_RESET_LIFETIME", 36 * 60, "36 hours."),
        ("reset_password", "PASSWORD_RESET_LIFETIME", 24 * 60, "1 day."),
        ("email_changed", "EMAIL_REVERT_LIFETIME", 3 * 24 * 60, "3 days."),
    ]
    for name, option, minutes, said in cases:
        with override_settings(KEYSTONE={option: timedelta(minutes=minutes)}):
            mail = rendered(name)
        with subtests.test(name=name, minutes=minutes):
            assert f"The link can be used once and expires in {said}" in " ".join(mail.text.split())
            assert f"The link can be used once and expires in {said}" in mail.html


def test_suspension_says_its_end_in_utc() -> None:
    until = datetime(2026, 12, 24, 18, 30, tzinfo=UTC)
    with override_settings(TIME_ZONE="Asia/Tokyo"):
        mail = render("suspended", {"name": "Ada", "reason": "x", "until": until})
    assert "The suspension ends on 24 December 2026, 18:30 UTC." in mail.text
    endless = render("suspended", {"name": "Ada", "reason": "x", "until": None})
    assert "The suspension has no end date." in endless.text


def test_language_of_the_mail_is_declared_and_used() -> None:
    until = datetime(2026, 12, 24, 18, 30, tzinfo=UTC)
    mail = render("suspended", {"name": "Ada", "reason": "x", "until": until}, language="de")
    assert '<html lang="de" dir="ltr"' in mail.html
    assert "24 Dezember 2026, 18:30 UTC" in mail.text
    assert '<html lang="ar" dir="rtl"' in render("rejected", {"name": "Ada"}, language="ar").html


def test_site_overrides_a_mail_with_a_file_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "keystone" / "emails"
    folder.mkdir(parents=True)
    (folder / "rejected.mjml").write_text(
        "{% partialdef subject %}Ours{% endpartialdef %}{% partialdef preheader %}{% endpartialdef %}"
        "{% partialdef text %}Our words.{% endpartialdef %}{% partialdef why %}Because.{% endpartialdef %}"
        "{% partialdef body %}<mj-text>Our words.</mj-text>{% endpartialdef %}"
    )
    templates = [{**django_settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]
    with override_settings(TEMPLATES=templates):
        mail = render("rejected", {"name": "Ada"})
    assert mail.subject == "Ours"
    assert mail.text.startswith("Hello Ada,\n\nOur words.\n")


def test_mail_without_a_template_is_an_error() -> None:
    with pytest.raises(TemplateDoesNotExist):
        render("no_such_mail", {})

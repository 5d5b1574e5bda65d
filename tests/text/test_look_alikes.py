"""Names and email addresses that look like others are marked for those who decide."""
# ruff: noqa: RUF001 - letters that look like others are what this is about

import pytest
from django.core.management import call_command
from django.utils import timezone

from keystone.accounts.models import User
from keystone.approval.notices.emails import person_waits
from keystone.text.look_alikes import mixes_scripts, remark_on_address, remark_on_name
from tests.approval.admin_pages import PEOPLE, QUEUE, browser, page_of, waiting

MIXED = "x@аpple.com"  # one Cyrillic letter
CYRILLIC = "x@аррӏе.com"  # all of them
MIXED_REMARK = "xn--pple-43d.com, mixed alphabets"
CYRILLIC_REMARK = "xn--80ak6aa92e.com"


def test_words_of_several_alphabets_are_told_from_those_that_are_written_so() -> None:
    for mixed in ("Mаria", "аpple", "раypal", "Αnna", "Ꭺnna", "anna\u0431", "βeta", "Jean-Рaul", "𐌀pple"):
        assert mixes_scripts(mixed), mixed
    for plain in (
        "",
        "Maria",
        "Анна",
        "Anna Иванова",
        "Müller",
        "Nguyễn",
        "O\u02bcNeil",
        "Zoe\u0308",
        "山田タロウ",
        "T山田",
        "高橋ひろ々",
        "スーパー",
        "김金",
        "Kim김",
        "ㄅ文",
        "محمد",
        "שָׁלוֹם",
        "प्रिया",
        "สมชาย",
        "Ann2nd",
        "Α1",
        "Ｔａｎａｋａ",
        "Ann 🙂",
        "ª",
        "Ⅷ",
    ):
        assert not mixes_scripts(plain), plain


def test_remarks_give_the_ascii_form_of_a_domain_that_is_not_ascii() -> None:
    for address, remark in {
        MIXED: MIXED_REMARK,
        CYRILLIC: CYRILLIC_REMARK,
        "x@xn--pple-43d.com": "mixed alphabets",
        "x@bücher.example": "xn--bcher-kva.example",
        "x@例え.テスト": "xn--r8jz45g.xn--zckzah",
        "x@example.com": "",
        "mаria@example.com": "mixed alphabets",
        "иван.smith@example.com": "",
        "no address": "",
    }.items():
        assert remark_on_address(address) == remark, address
    assert remark_on_name("Mаria Silva") == "mixed alphabets"
    assert remark_on_name("Maria Silva") == ""


@pytest.mark.django_db
def test_whoever_decides_sees_them_wherever_a_person_is_shown(root: User) -> None:
    person = waiting(email=MIXED, first_name="Mаria", last_name="Silva")
    other = waiting(email=CYRILLIC, first_name="Grace", last_name="Hopper")
    plain = waiting(email="ann@example.com", first_name="Ann", last_name="Bee")
    client = browser(root)
    bulk = {"action": "reject_selected", "_selected_action": [person.pk, other.pk, plain.pk]}
    pages = {
        "queue": client.get(QUEUE),
        "people": client.get(PEOPLE),
        "bulk": client.post(QUEUE, bulk, follow=True),
        "dashboard": client.get("/admin/"),
    }
    for name, page in pages.items():
        shown = page.content.decode()
        assert shown.count(f'<span class="k-warn">({MIXED_REMARK})</span>') == 1, name
        assert shown.count(f'<span class="k-warn">({CYRILLIC_REMARK})</span>') == 1, name
        assert shown.count('<span class="k-warn">(mixed alphabets)</span>') == 1, name
        assert shown.count('class="k-warn"') == 3, name
    for address in (page_of(person), f"{QUEUE}{person.pk}/approve/", f"{QUEUE}{person.pk}/reject/"):
        shown = client.get(address).content.decode()
        assert f'<b>аpple.com</b> <span class="k-warn">({MIXED_REMARK})</span>' in shown, address
        assert 'Mаria Silva <span class="k-warn">(mixed alphabets)</span>' in shown, address
    assert "k-warn" not in client.get(page_of(plain)).content.decode()


@pytest.mark.django_db
@pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")
def test_notices_to_approvers_and_the_command_say_it_too(root: User, capsys: pytest.CaptureFixture[str]) -> None:
    since = timezone.now()
    person = waiting(email=MIXED, first_name="Mаria", last_name="Silva", awaiting_since=since)
    mail = person_waits(root, person=str(person.pk), since=since.isoformat())
    assert mail is not None
    assert mail.context["person"] == "Mаria Silva (mixed alphabets)"
    assert mail.context["address"] == f"{MIXED} ({MIXED_REMARK})"
    call_command("user", "show", MIXED)
    said = capsys.readouterr().out
    assert f"{MIXED} ({MIXED_REMARK})" in said
    assert "Mаria Silva (mixed alphabets)" in said

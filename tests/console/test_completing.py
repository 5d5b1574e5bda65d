"""What a shell offers for addresses."""

import pytest
from django.db import connection
from typer._click import Context
from typer.core import TyperCommand, TyperOption

from keystone.console.completing import MOST, complete_address
from keystone.testing.factories import UserFactory

CONTEXT = Context(TyperCommand("any"))
PARAMETER = TyperOption(param_decls=["--any"])


def offered(incomplete: str) -> list[tuple[str, str | None]]:
    return [(item.value, item.help) for item in complete_address(CONTEXT, PARAMETER, incomplete)]


@pytest.mark.django_db
def test_addresses_that_begin_so_are_offered_with_the_names() -> None:
    UserFactory(email="zoe@example.com", first_name="Zoë", last_name="Z")
    UserFactory(email="Ada@example.com", first_name="Ada", last_name="L")
    UserFactory(email="adam@example.com", first_name="Adam", last_name="A")
    assert offered("AD") == [("Ada@example.com", "Ada L"), ("adam@example.com", "Adam A")]
    assert offered("b") == []
    assert offered("%") == []


@pytest.mark.django_db
def test_no_more_are_offered_than_a_screen_holds() -> None:
    UserFactory.create_batch(MOST + 1)
    assert len(offered("")) == MOST


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_offers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    with monkeypatch.context() as away:
        away.setitem(connection.settings_dict, "NAME", "keystone_nowhere")
        assert offered("a") == []

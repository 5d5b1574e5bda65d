"""Registering parts of what is held about people, and the check that no model is forgotten."""

import pytest

from keystone import personal_data
from keystone.personal_data import collector, eraser, not_personal
from keystone.privacy import checks
from keystone.privacy.checks import check_personal_data, models_of_people


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PARTS", "ERASERS"):
        monkeypatch.setattr(personal_data, name, dict(getattr(personal_data, name)))
    for name in ("ERASED_MODELS", "NOT_PERSONAL"):
        monkeypatch.setattr(personal_data, name, set(getattr(personal_data, name)))
    for name in ("PARTS", "ERASED_MODELS", "NOT_PERSONAL"):
        monkeypatch.setattr(checks, name, getattr(personal_data, name))


def test_every_model_that_refers_to_people_is_covered() -> None:
    assert check_personal_data() == []
    names = {model._meta.label for model in models_of_people()}
    assert {"keystone.Session", "keystone.AuditEvent", "keystone.OutgoingMail"} <= names


def test_a_model_that_is_forgotten_is_told_of() -> None:
    part = personal_data.PARTS.pop("sessions")
    [warning] = check_personal_data()
    assert warning.id == "keystone.W020"
    assert warning.msg == "keystone.Session refers to people, and no collector covers it."
    personal_data.ERASED_MODELS.discard("keystone.session")
    [warning] = check_personal_data()
    assert warning.msg == "keystone.Session refers to people, and no collector and no eraser covers it."
    not_personal("keystone.Session")
    assert check_personal_data() == []
    personal_data.PARTS["sessions"] = part


def test_two_parts_do_not_share_a_name() -> None:
    with pytest.raises(ValueError, match="Two collectors are called 'account'"):
        collector("account", label="Mine")(lambda _user: {})
    with pytest.raises(ValueError, match="Two erasers are called 'account'"):
        eraser("account")(lambda _user, _erasure: None)
    with pytest.raises(ValueError, match="'a/b' is not a name"):
        collector("a/b", label="Mine")


def test_a_part_may_be_registered_again_by_its_own_module() -> None:
    part, erase = personal_data.PARTS["account"], personal_data.ERASERS["account"]
    collector("account", label=part.label, models=part.models)(part.collect)
    eraser("account")(erase)
    assert (personal_data.PARTS["account"], personal_data.ERASERS["account"]) == (part, erase)

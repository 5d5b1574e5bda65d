"""The filters of the list of mails."""

import uuid
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import CheckboxFilter, DropdownFilter, RadioFilter

from keystone.mail.models import MailState, OutgoingMail
from keystone.mail.registry import EMAILS, label_of


class StateFilter(CheckboxFilter):
    """Any of the states."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """All states."""
        return list(MailState.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[OutgoingMail]) -> QuerySet[OutgoingMail]:
        """The mails in the chosen states; what is no state is ignored."""
        chosen = [value for value in self.value() or () if value in MailState.values]
        return queryset.filter(state__in=chosen) if chosen else queryset


class MailFilter(DropdownFilter):
    """By which mail it is."""

    title = _("mail")
    parameter_name = "mail"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The mails that there are, by what they are called."""
        return sorted(((name, label_of(name)) for name in EMAILS), key=lambda choice: choice[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[OutgoingMail]) -> QuerySet[OutgoingMail]:
        """The chosen mail."""
        return queryset.filter(template=self.value()) if self.value() else queryset


class PersonFilter(RadioFilter):
    """About one person, as the link on their page asks for; without it there is nothing to choose from."""

    title = _("person")
    parameter_name = "person"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The person that the address of the page names."""
        if not request.GET.get(self.parameter_name):
            return []
        key = _key(request.GET[self.parameter_name])
        person = get_user_model().objects.filter(pk=key).first() if key else None
        return [(str(key), str(person) if person else str(_("Nobody")))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[OutgoingMail]) -> QuerySet[OutgoingMail]:
        """The mails about this person; none for a key that is none."""
        key = _key(str(self.value()))
        return queryset.filter(user_id=key) if key else queryset.none()


def _key(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None

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
    """A filter by one or more states."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(MailState.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[OutgoingMail]) -> QuerySet[OutgoingMail]:
        """Return the mails in the chosen states, ignoring unknown states."""
        chosen = [value for value in self.value() or () if value in MailState.values]
        return queryset.filter(state__in=chosen) if chosen else queryset


class MailFilter(DropdownFilter):
    """A filter by the kind of mail."""

    title = _("mail")
    parameter_name = "mail"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the registered mails, sorted by label."""
        return sorted(((name, label_of(name)) for name in EMAILS), key=lambda choice: choice[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[OutgoingMail]) -> QuerySet[OutgoingMail]:
        return queryset.filter(template=self.value()) if self.value() else queryset


class PersonFilter(RadioFilter):
    """A filter by person. It is set by the link on the person's page and offers no choices otherwise."""

    title = _("person")
    parameter_name = "person"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the person named in the page's URL."""
        if not request.GET.get(self.parameter_name):
            return []
        key = _key(request.GET[self.parameter_name])
        person = get_user_model().objects.filter(pk=key).first() if key else None
        return [(str(key), str(person) if person else str(_("Nobody")))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[OutgoingMail]) -> QuerySet[OutgoingMail]:
        """Return the mails about this person; no mails if the key is not a UUID."""
        key = _key(str(self.value()))
        return queryset.filter(user_id=key) if key else queryset.none()


def _key(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None

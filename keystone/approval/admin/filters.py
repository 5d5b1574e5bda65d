"""The filters of the queue and of the list of users."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import CheckboxFilter, RadioFilter

from keystone.accounts.models import User
from keystone.accounts.status import PENDING, ApprovalFlow, Status


class QueueFilter(RadioFilter):
    """Filter of the queue: people who wait for a decision, unless something else is chosen."""

    title = _("status")
    parameter_name = "show"
    all_option = None
    WAITING, UNVERIFIED, EVERYBODY = "waiting", "unverified", "everybody"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            (self.WAITING, Status.PENDING_ADMIN_APPROVAL.label),
            (self.UNVERIFIED, Status.PENDING_EMAIL_VERIFICATION.label),
            (self.EVERYBODY, _("Both")),
        ]

    def value(self) -> str:
        """Return the choice; an invalid one counts as the first."""
        chosen = super().value()
        return chosen if chosen in {self.UNVERIFIED, self.EVERYBODY} else self.WAITING

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        match self.value():
            case self.UNVERIFIED:
                return queryset.filter(status=Status.PENDING_EMAIL_VERIFICATION)
            case self.EVERYBODY:
                return queryset.filter(status__in=PENDING)
        return queryset.filter(status=Status.PENDING_ADMIN_APPROVAL)


class _ChoicesFilter(CheckboxFilter):
    """Filter by any of several values of a column. Invalid values are ignored."""

    field: str
    values: Any

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(self.values.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        chosen = [value for value in self.value() or () if value in self.values.values]
        return queryset.filter(**{f"{self.field}__in": chosen}) if chosen else queryset


class StatusFilter(_ChoicesFilter):
    """Filter by status."""

    title = _("status")
    parameter_name = field = "status"
    values = Status


class FlowFilter(_ChoicesFilter):
    """Filter by the stored approval flow."""

    title = _("approval flow")
    parameter_name, field = "flow", "approval_flow"
    values = ApprovalFlow


class _YesNoFilter(RadioFilter):
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Yes")), ("no", _("No"))]


class VerifiedFilter(_YesNoFilter):
    """Filter by whether the email address is verified."""

    title = _("email verified")
    parameter_name = "verified"

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        if self.value() not in {"yes", "no"}:
            return queryset
        return queryset.filter(email_verified_at__isnull=self.value() == "no")


class StaffFilter(_YesNoFilter):
    """Filter by whether the person is staff."""

    title = _("staff")
    parameter_name = "staff"

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        return queryset.filter(is_staff=self.value() == "yes") if self.value() in {"yes", "no"} else queryset


class RejectedBeforeFilter(_YesNoFilter):
    """Filter by whether the person was rejected before."""

    title = _("rejected before")
    parameter_name = "rejected"

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        match self.value():
            case "yes":
                return queryset.filter(rejection_count__gt=0)
            case "no":
                return queryset.filter(rejection_count=0)
        return queryset

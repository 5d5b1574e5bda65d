"""The filters of the list of users, shared by its export and the bulk transitions."""

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from keystone.accounts.models import ApprovalFlow, Status, User
from keystone.api.filters import FlagFilter, MomentFilter


class UserFilter(django_filters.FilterSet):
    """The filters of the list of people. The view refuses any others."""

    status = django_filters.MultipleChoiceFilter(
        choices=Status.choices, distinct=False, help_text=_("One or more statuses.")
    )
    approval_flow = django_filters.ChoiceFilter(choices=ApprovalFlow.choices)
    email_verified = FlagFilter(field_name="email_verified_at", lookup_expr="isnull", exclude=True)
    is_staff = FlagFilter()
    is_superuser = FlagFilter()
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")
    search = django_filters.CharFilter(
        method="filter_search",
        help_text=_("Every word must be the beginning of a word of the name or the email address."),
    )

    class Meta:
        model = User
        fields = ()

    def filter_search(self, queryset: QuerySet[User], _name: str, value: str) -> QuerySet[User]:
        found: QuerySet[User] = queryset.search(value)  # type: ignore[attr-defined]  # UserQuerySet has it
        return found

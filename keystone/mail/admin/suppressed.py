"""Suppressed email addresses, and lifting the suppression."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display

from keystone.admin.cells import address_cell, labelled, on_day
from keystone.admin.guards import acting
from keystone.admin.model_admin import DayRangeFilter, ReadOnlyAdmin
from keystone.email_address import beginning
from keystone.mail.handling import PERMISSION, lift_suppressions
from keystone.mail.models import SuppressedAddress


@admin.register(SuppressedAddress)
class SuppressedAddressAdmin(ReadOnlyAdmin):
    """The suppressed email addresses, newest first."""

    list_display = ("whom", "why", "since")
    list_display_links = None
    list_filter = (("created_at", DayRangeFilter),)
    sortable_by = ()
    ordering = ("-created_at",)
    search_fields = ("address",)  # turns the search box on; get_search_results() decides what is searched
    search_help_text = _("Beginning of an email address")
    fields = ("address", "reason", "created_at")
    actions = ("lift_selected",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[SuppressedAddress], search_term: str
    ) -> tuple[QuerySet[SuppressedAddress], bool]:
        """Return the email addresses that begin with the search term."""
        return queryset.filter(address__startswith=beginning(search_term)), False

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Return whether the viewer may lift suppressions."""
        return request.user.has_perm(PERMISSION)

    @display(description=_("address"))
    def whom(self, suppressed: SuppressedAddress) -> SafeString:
        return address_cell(suppressed.address)

    @display(description=_("reason"))
    def why(self, suppressed: SuppressedAddress) -> SafeString:
        return labelled(_("reason"), suppressed.reason)

    @display(description=_("since (UTC)"))
    def since(self, suppressed: SuppressedAddress) -> SafeString:
        return labelled(_("since (UTC)"), on_day(suppressed.created_at))

    @action(description=_("Lift the suppressions"), permissions=["send"])
    def lift_selected(self, request: HttpRequest, queryset: QuerySet[SuppressedAddress]) -> None:
        """Lift the suppression of the selected email addresses."""
        lifted = lift_suppressions(list(queryset.values_list("pk", flat=True)), by=acting(request, PERMISSION))
        text = ngettext(
            (
                "The suppression of %(count)d address was lifted. Mails that it missed can be sent again "
                "from the list of mails."
            ),
            (
                "The suppressions of %(count)d addresses were lifted. Mails that they missed can be sent "
                "again from the list of mails."
            ),
            lifted,
        )
        messages.success(request, text % {"count": lifted})

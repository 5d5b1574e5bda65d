"""How a user's values are shown in lists and on their page."""

from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.admin.cells import NONE, address_cell, ago, labelled

STATUS_COLOURS = {
    Status.PENDING_EMAIL_VERIFICATION.value: "info",
    Status.PENDING_ADMIN_APPROVAL.value: "warning",
    Status.ACTIVE.value: "success",
    Status.REJECTED.value: "danger",
    Status.SUSPENDED.value: "danger",
    Status.DEACTIVATED.value: "default",
}


class PersonCells:
    """Columns shared by the queue and the list of people."""

    @display(description=gettext_lazy("email address"), ordering="email")
    def address(self, user: User) -> SafeString:
        """Return the email address with its domain set apart, since the domain identifies an organization."""
        return address_cell(user.email)

    @display(description=gettext_lazy("verified"), label={"yes": "success", "no": "warning"})
    def verified(self, user: User) -> tuple[str, str]:
        return ("yes", _("Verified")) if user.email_verified_at else ("no", _("Not verified"))

    @display(description=gettext_lazy("status"), label=STATUS_COLOURS)
    def status_label(self, user: User) -> tuple[str, str]:
        return user.status, user.get_status_display()

    @display(description=gettext_lazy("previous rejections"))
    def rejections(self, user: User) -> SafeString | str:
        if not user.rejection_count:
            return NONE
        times = ngettext("rejected once", "rejected %(count)d times", user.rejection_count)
        return format_html('<span class="k-warn">{}</span>', times % {"count": user.rejection_count})

    @display(description=gettext_lazy("waiting"), ordering="awaiting_since")
    def waiting(self, user: User) -> SafeString | str:
        """Return how long the person has waited for a decision, or has not verified their email address."""
        since = user.awaiting_since if user.status == Status.PENDING_ADMIN_APPROVAL else user.created_at
        return labelled(_("waiting"), ago(since))


def name_and_address(user: User) -> dict[str, Any]:
    """Return a person's id, name and email address, for a page or a result."""
    return {"id": str(user.pk), "name": f"{user.first_name} {user.last_name}".strip(), "email": user.email}

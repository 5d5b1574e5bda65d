"""The page for one's own approval notices."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from unfold.widgets import UnfoldAdminRadioSelectWidget

from keystone.accounts.models import User
from keystone.accounts.preferences import ApprovalNotices, choose_notices, notices_of
from keystone.actors.actor import Actor
from keystone.approval.notices.recipients import APPROVE, SUSPEND, may
from keystone.conf import options
from keystone.throttling.limits import count_change

NOTICES = "admin:notices"


class NoticesForm(forms.Form):
    """The choice of notices."""

    approval_notices = forms.ChoiceField(
        label=gettext_lazy("How do you want to be notified of people awaiting a decision?"),
        choices=ApprovalNotices.choices,
        widget=UnfoldAdminRadioSelectWidget(radio_style=2),
    )


class OwnNoticesView(View):
    """The page at `notices/`, for everybody who has access to the admin."""

    admin_site: Any = None

    def dispatch(self, request: HttpRequest) -> HttpResponse:
        """Show the choice on GET; save it on POST."""
        user: Any = request.user  # admin_view lets nobody else in
        person: User = user
        form = NoticesForm(request.POST or None, initial={"approval_notices": notices_of(person)})
        if request.method == "POST" and form.is_valid():
            count_change(address=person.email)
            choose_notices(person, approval_notices=form.cleaned_data["approval_notices"], by=Actor.person(person))
            messages.success(request, _("Your choice has been saved."))
            return HttpResponseRedirect(reverse(NOTICES, current_app=self.admin_site.name))
        request.current_app = self.admin_site.name  # for {% url %}
        context: dict[str, Any] = {
            "title": _("My notifications"),
            "form": form,
            "decides": hears_of_people(person),
            "most": options().approval_notices_per_hour,
            "email": person.email,
        }
        return TemplateResponse(
            request, "keystone/admin/notices.html", {**self.admin_site.each_context(request), **context}
        )


def hears_of_people(user: Any) -> bool:
    """Return whether there are any notices that this person could get."""
    return may(user, APPROVE) or may(user, SUSPEND)

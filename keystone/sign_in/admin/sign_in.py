"""The two steps of signing in to the admin, for active staff only."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import BASE_INPUT_CLASSES

from keystone.accounts.models import User
from keystone.exceptions import Refusal
from keystone.sign_in.forms import CodeForm, PasswordAgainForm, SignInForm
from keystone.sign_in.in_browser import CodeView, SignInView, Step
from keystone.sign_in.session_state import session_state_of
from keystone.two_factor.models import RecoveryCode
from keystone.two_factor.verification import is_recovery_code

FEW_CODES = 3
# unfold hides the page until Alpine has started, and a hidden field cannot take the autofocus.
FOCUS = {"x-init": "$nextTick(() => $el.focus())"}


class NotStaff(Refusal):
    """The password is right and the account active, but it is not staff."""

    code = "not_staff"
    status: ClassVar[int] = 403
    message: ClassVar[str | Promise] = gettext_lazy(
        "Your account has no access to the admin. A superuser can grant it."
    )


class AdminSignInForm(SignInForm):
    """The sign-in form for active staff."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = " ".join(BASE_INPUT_CLASSES)
        self.fields["username"].widget.attrs |= FOCUS

    def check_entry(self, person: User) -> None:
        """Refuse everybody except active staff.

        Raises:
            NotStaff: the account is active, but not staff.
        """
        super().check_entry(person)
        if not person.is_staff:
            raise NotStaff


class AdminCodeForm(CodeForm):
    """The form for a code, in the admin's style."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs |= {"class": " ".join(BASE_INPUT_CLASSES), **FOCUS}


class AdminPasswordAgainForm(PasswordAgainForm):
    """The form that asks for the password again, in the admin's style."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].widget.attrs |= {"class": " ".join(BASE_INPUT_CLASSES), **FOCUS}


class AdminStep(Step):
    """Base class of the admin's two steps.

    Attributes:
        site: the admin site to sign in to.
        title: the title of the page.
    """

    site = admin.site
    title: Any
    sign_in_url = "admin:login"
    code_url = "admin:login_code"
    next_page = "admin:index"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the context that every page of the admin has."""
        self.request.current_app = self.site.name  # for {% url %}
        around = self.site.each_context(self.request)
        page = {"title": self.title, "app_path": self.request.get_full_path()}
        return {**around, **page, **super().get_context_data(**kwargs)}


class AdminSignInView(AdminStep, SignInView):
    """The first step in the admin: email address and password."""

    title = gettext_lazy("Log in")
    form_class = AdminSignInForm
    template_name = "keystone/admin/sign_in.html"

    def knows(self, request: HttpRequest) -> bool:
        """Return whether the user is active staff.

        Others, who are signed in to the browsable API only, may sign in here as another user.
        """
        return request.user.is_active and request.user.is_staff


class AdminCodeView(AdminStep, CodeView):
    """The second step in the admin: a code."""

    title = gettext_lazy("Two-factor sign-in")
    form_class = AdminCodeForm
    template_name = "keystone/admin/sign_in_code.html"

    def form_valid(self, form: Any) -> HttpResponse:
        """Sign the user in. After a recovery code, show how many are left."""
        response = super().form_valid(form)
        if is_recovery_code(form.cleaned_data["code"]) and session_state_of(self.request).is_enough:
            left = RecoveryCode.objects.unused(self.person).count()
            text = ngettext(
                "You signed in with a recovery code. %(count)d is left.",
                "You signed in with a recovery code. %(count)d are left.",
                left,
            ) % {"count": left}
            if left <= FEW_CODES:
                text += " " + _("Create new ones under “Two-factor sign-in” in the menu.")
            messages.warning(self.request, text)
        return response

"""Forms for signing in and for the second factor."""

from collections.abc import Callable
from typing import Any, Literal

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from keystone.accounts.backends import confirm_password, person_with_password
from keystone.accounts.models import User
from keystone.exceptions import Refusal
from keystone.passwords.rules import MAX_PASSWORD_LENGTH
from keystone.sign_in.with_tokens import refuse_inactive
from keystone.two_factor.verification import MAX_CODE_LENGTH

MAX_ADDRESS_LENGTH = 320  # characters, as the API takes them; RFC 3696, section 3
RATE_LIMITED = 429  # refusals from this status on are not input errors


Kind = Literal["app", "recovery", "either"]
KINDS: dict[Kind, tuple[Any, dict[str, str]]] = {
    "app": (_("Code of your authenticator app"), {"autocomplete": "one-time-code", "inputmode": "numeric"}),
    "recovery": (_("Recovery code"), {"autocomplete": "off", "autocapitalize": "characters"}),
    "either": (_("Code"), {"autocomplete": "one-time-code", "autocapitalize": "characters"}),
}


class RefusableForm(forms.Form):
    """A form whose validation calls a rule that may raise a `Refusal`.

    Attributes:
        refusal: the refusal raised by the rule, which determines the response status; None if there was none.
    """

    refusal: Refusal | None = None

    @property
    def answer(self) -> dict[str, Any]:
        """Status and headers of the page that shows the form again. A rate limit has its own."""
        if self.refusal is None or self.refusal.status < RATE_LIMITED:
            return {"status": 200, "headers": {}}
        wait = self.refusal.retry_after
        return {"status": self.refusal.status, "headers": {"Retry-After": str(wait)} if wait else {}}

    def ask[T](self, rule: Callable[[], T], field: str | None = None) -> T | None:
        """Call `rule`, and turn a refusal into an error of `field`, or of the form."""
        try:
            return rule()
        except Refusal as refusal:
            self.refusal = refusal
            self.add_error(field, ValidationError(refusal.detail, code=refusal.code))
            return None


class SignInForm(RefusableForm):
    """A form for email address and password.

    The error is the same whichever of them is wrong. If both are right, the account's status is disclosed, as the API
    does.

    Attributes:
        person: the user, once the form is valid.
    """

    username = forms.CharField(
        label=_("Email address"),
        max_length=MAX_ADDRESS_LENGTH,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=MAX_PASSWORD_LENGTH,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    wrong: Any = _("Please enter a correct email address and password.")
    person: User | None = None

    def clean(self) -> dict[str, Any]:
        """Find the user.

        The attempt is counted and the password compared exactly once per POST.
        """
        given = super().clean() or {}
        if "username" in given and "password" in given:
            self.person = self.ask(lambda: self._person_who_may_enter(given["username"], given["password"]))
            if self.person is None and self.refusal is None:
                raise ValidationError(self.wrong, code="invalid_login")
        return given

    def check_entry(self, person: User) -> None:
        """Refuse a user who may not sign in here. This is only called after a correct password.

        Raises:
            EmailUnverified, ApprovalPending, Rejected, Suspended, Deactivated: the account is not active.
        """
        refuse_inactive(person)

    def _person_who_may_enter(self, email: str, password: str) -> User | None:
        person = person_with_password(email, password)
        if person is not None:
            self.check_entry(person)
        return person


class PasswordAgainForm(RefusableForm):
    """A form that asks a signed-in user for their password again."""

    password = forms.CharField(
        label=_("Password"),
        max_length=MAX_PASSWORD_LENGTH,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        """Count the attempt and compare the password, exactly once per POST."""
        given: str = self.cleaned_data["password"]
        self.ask(lambda: confirm_password(self.user, given), "password")
        return given


class CodeInput(forms.TextInput):
    """A text input that never shows its value again: a wrong code is of no use, and a correct one is a secret."""

    def format_value(self, value: Any) -> None:
        """Return None, whatever was entered."""


class CodeForm(RefusableForm):
    """A form for a code, which is passed to `rule`.

    Attributes:
        taken: the return value of `rule`, once the form is valid.
    """

    code = forms.CharField(max_length=MAX_CODE_LENGTH, widget=CodeInput)
    taken: Any = None

    def __init__(self, *args: Any, rule: Callable[[str], Any], kind: Kind = "app", **kwargs: Any) -> None:
        """Create the form.

        Args:
            rule: takes the code and refuses a wrong one; it is called once, and only with a code of valid length.
            kind: the kind of code, which determines the label and the keyboard of phones: recovery codes have letters.
        """
        super().__init__(*args, **kwargs)
        self.rule = rule
        label, attributes = KINDS[kind]
        self.fields["code"].label = label
        self.fields["code"].widget.attrs |= {"spellcheck": "false", "autofocus": True, **attributes}

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        self.taken = self.ask(lambda: self.rule(code), "code")
        return code

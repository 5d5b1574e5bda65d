"""Keystone's options: the setting `KEYSTONE`, typed, with its defaults, and validated."""

from dataclasses import dataclass, fields
from datetime import timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.signals import setting_changed

from keystone import email_address

NOTICES = ("immediate", "digest", "off")  # the values of `keystone.accounts.preferences.ApprovalNotices`


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of the setting `KEYSTONE = {...}`. The keys are the fields' names in upper case.

    Attributes:
        project_name: the name shown in the admin, in mails and on the pages that links lead to.
        default_user_approval_flow: the approval flow for new people; one of `ApprovalFlow`, or upstream's aliases
            `pending_email_verification` and `pending_admin_approval`.
        public_url: the URL at which this server is reached from outside; links to its own pages start with it.
        frontend_url: the URL that links in mails start with instead, if a front end has its own pages.
        support_email: the email address for support, named in mails and used as Reply-To; empty for none.
        email_verification_lifetime: how long a link that verifies or confirms an email address is valid.
        password_reset_lifetime: how long a link that resets a password is valid.
        email_revert_lifetime: how long a change of the email address can be reverted by a link mailed to the old one.
        unasked_mail_waits: the minutes to wait after the first mail that strangers have sent to an email address, after
            the second and so on, counted over 24 hours; the last value applies to all further mails.
        unasked_mails_per_day: the limit of such mails to an email address in any 24 hours, over all kinds.
        access_token_lifetime: how long an access token is valid.
        session_lifetime: the maximum length of a session, counted from the sign-in.
        attempt_window: how long attempts to guess a password, a code or a token are counted.
        attempts_per_address_and_ip: the limit of attempts for one email address from one IP address per window.
        attempts_per_address: the limit of attempts for one email address from any IP address per window.
        attempts_per_ip: the limit of attempts from one IP address for any email address per window.
        code_window: how long second-factor codes are counted per person, in addition to the attempt window.
        attempts_per_code_window: the limit of codes for one person per code window, from any IP address.
        requests_per_ip: the limit of registrations and requests for a mail from one IP address per window.
        changes_per_person: the limit of changes to their own account, including sign-ins, per person and window.
        password_hashing_parallel: how many passwords a process hashes at once; each uses a core and 19 MiB meanwhile.
        password_hashing_waiting: how many callers may wait for that, for up to four seconds; further ones are told to
            retry later. Each occupies a thread of the server, so it should be well below their number.
        two_factor_required: whether staff must set up a second factor before they can use the admin.
        approval_notices: how people who may approve are notified of waiting people, until they choose for themselves:
            `immediate`, `digest` or `off`.
        approval_notices_per_hour: the limit of notices about single people to each of them per hour; one more mail
            reports the rest.
        approval_reminder_after: people who wait longer than this for a decision are listed in a daily reminder.
        decision_undo_window: how long an administrator who approves or rejects in the admin can undo it; the mail is
            sent afterwards. 0 sends it at once, and nothing can be undone.
        unverified_warned_after: the time after registration when people with an unverified email address are reminded.
        unverified_expire_after: the time after registration when such a registration is deleted; 0 keeps it forever.
        mail_retry_after: the wait before the second attempt at a mail that was not sent; it doubles with each attempt.
        mails_kept: how long mails that are done with are kept; failed ones are kept for at least a year.
        tasks_kept: how long successful and cancelled tasks are kept.
        runs_kept: how long the history of scheduled jobs is kept.
        data_runs_kept: how long the history of importers, seeders, scripts and pipelines is kept.
        import_unpacked_mb: the maximum size in MB of an imported XLSX file when unpacked.
        queue_behind_after: once a task is overdue by more than this, `health/ready/` reports that the queue is behind.
        metrics_token: the token for Prometheus at `/metrics`; empty disables that URL (in `local` it is open).
        trusted_proxies: how many proxies in front of this server append to X-Forwarded-For. 0 trusts none.
    """

    project_name: str = "Keystone"
    default_user_approval_flow: str = "email_verification_and_admin_approval"
    public_url: str = "http://localhost:8000"
    frontend_url: str = ""
    support_email: str = ""
    email_verification_lifetime: timedelta = timedelta(hours=72)
    password_reset_lifetime: timedelta = timedelta(minutes=30)
    email_revert_lifetime: timedelta = timedelta(days=7)
    unasked_mail_waits: tuple = (1, 5, 30, 120)  # type: ignore[type-arg]  # compared with the class of what is given
    unasked_mails_per_day: int = 5
    access_token_lifetime: timedelta = timedelta(minutes=10)
    session_lifetime: timedelta = timedelta(days=30)
    attempt_window: timedelta = timedelta(minutes=15)
    attempts_per_address_and_ip: int = 5
    attempts_per_address: int = 20
    attempts_per_ip: int = 100
    code_window: timedelta = timedelta(hours=24)
    attempts_per_code_window: int = 20
    requests_per_ip: int = 100
    changes_per_person: int = 60
    password_hashing_parallel: int = 2
    password_hashing_waiting: int = 100
    two_factor_required: bool = False
    approval_notices: str = "immediate"
    approval_notices_per_hour: int = 20
    approval_reminder_after: timedelta = timedelta(hours=48)
    decision_undo_window: timedelta = timedelta(seconds=60)
    unverified_warned_after: timedelta = timedelta(days=23)
    unverified_expire_after: timedelta = timedelta(days=30)
    mail_retry_after: timedelta = timedelta(seconds=10)
    mails_kept: timedelta = timedelta(days=90)
    tasks_kept: timedelta = timedelta(days=30)
    runs_kept: timedelta = timedelta(days=90)
    data_runs_kept: timedelta = timedelta(days=90)
    import_unpacked_mb: int = 2048
    queue_behind_after: timedelta = timedelta(minutes=5)
    metrics_token: str = ""
    trusted_proxies: int = 0

    def __post_init__(self) -> None:
        """Validate the values: limits that are too low, malformed values, and times in the wrong order."""
        positive = (
            "password_hashing_parallel",
            "approval_notices_per_hour",
            "unasked_mails_per_day",
            "import_unpacked_mb",
        )
        for name in positive:
            if getattr(self, name) < 1:
                raise ImproperlyConfigured(f"KEYSTONE[{name.upper()!r}] must be at least 1.")
        if self.support_email:
            try:
                email_address.normalize(self.support_email)
                self.support_email.encode("ascii")
            except (ValidationError, UnicodeEncodeError):
                raise ImproperlyConfigured(
                    f"KEYSTONE['SUPPORT_EMAIL'] (the variable SUPPORT_EMAIL) must be an email address such as "
                    f"help@example.com, not {self.support_email!r}."
                ) from None
        if not self.unasked_mail_waits or not all(type(wait) is int and wait >= 0 for wait in self.unasked_mail_waits):
            raise ImproperlyConfigured("KEYSTONE['UNASKED_MAIL_WAITS'] must be a tuple of whole numbers, of minutes.")
        if self.approval_notices not in NOTICES:
            raise ImproperlyConfigured(
                f"KEYSTONE['APPROVAL_NOTICES'] must be one of {', '.join(NOTICES)}, not {self.approval_notices!r}."
            )
        if self.unverified_expire_after and self.unverified_expire_after <= self.unverified_warned_after:
            raise ImproperlyConfigured(
                "KEYSTONE['UNVERIFIED_EXPIRE_AFTER'] must be longer than KEYSTONE['UNVERIFIED_WARNED_AFTER'], or 0."
            )

    @property
    def link_url(self) -> str:
        """The URL that links in mails start with. It comes from the settings, never from a request's Host header."""
        return self.frontend_url or self.public_url


@lru_cache(maxsize=1)
def options() -> Options:
    """Return the current options.

    Raises:
        ImproperlyConfigured: a key is unknown or a value has the wrong type.
    """
    given: dict[str, Any] = getattr(settings, "KEYSTONE", {})
    known = {field.name.upper(): field for field in fields(Options)}
    values = {}
    for key, value in given.items():
        if key not in known:
            raise ImproperlyConfigured(f"KEYSTONE has no option {key}. It knows {', '.join(sorted(known))}.")
        expected = known[key].type
        if not isinstance(value, expected) or isinstance(value, bool) is not (expected is bool):  # type: ignore[arg-type]  # fields are annotated with classes
            name = getattr(expected, "__name__", expected)
            raise ImproperlyConfigured(f"KEYSTONE[{key!r}] must be a {name}, not {value!r}.")
        values[known[key].name] = value
    return Options(**values)


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "KEYSTONE":
        options.cache_clear()


setting_changed.connect(_forget, dispatch_uid="keystone.conf")

"""Keystone's options: the setting `KEYSTONE`, typed, with its defaults, and checked at the start."""

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
    """What `KEYSTONE = {...}` may hold. Each field's name in capitals is the key.

    Attributes:
        project_name: shown in the admin, in mails and on the pages that links land on.
        default_user_approval_flow: what a new person passes through; one of `ApprovalFlow`, or upstream's
            aliases `pending_email_verification` and `pending_admin_approval`.
        public_url: where this server is reached from outside; links to its own pages start with it.
        frontend_url: where links in mails land instead, when a front end has pages of its own.
        support_email: whom people can write to. Mails name it and have it as Reply-To; empty for nobody.
        email_verification_lifetime: how long the link in a mail that verifies or confirms an address works.
        password_reset_lifetime: how long the link in a mail works that a new password is set by.
        email_revert_lifetime: how long a change of address can be taken back by a link mailed to the old one.
        unasked_mail_waits: how many minutes to wait after the first mail that strangers had sent to an email address,
            after the second and so on, counted over 24 hours; the last one holds for all further mails.
        unasked_mails_per_day: how many such mails an email address gets in any 24 hours, over all kinds.
        access_token_lifetime: how long an access token works.
        session_lifetime: the absolute end of a sign-in, counted from the sign-in.
        attempt_window: for how long attempts to guess a password, a code or a token are counted.
        attempts_per_address_and_ip: how many are taken for one email address from one IP address per window.
        attempts_per_address: how many are taken for one email address, from wherever.
        attempts_per_ip: how many are taken from one IP address, for whichever email address.
        code_window: for how long codes of the second factor are counted by person, beside and after that window.
        attempts_per_code_window: how many codes are taken for one person in it, from wherever.
        requests_per_ip: how many registrations and requests for a mail are taken from one IP address per window.
        changes_per_person: how many changes to their own account, sign-ins included, one person makes per window.
        password_hashing_parallel: how many passwords a process hashes at once; each takes a core and 19 MiB meanwhile.
        password_hashing_waiting: how many callers may wait for that; those beyond are told to come again.
        two_factor_required: whether staff must set up a second factor before they can use the admin.
        approval_notices: how those who may approve hear of people who wait, until they choose for themselves:
            `immediate`, `digest` or `off`.
        approval_notices_per_hour: at most so many notices of single people go to each of them in an hour; one mail
            after it tells of the rest.
        approval_reminder_after: whoever waits longer than this for a decision is in a daily reminder.
        decision_undo_window: for how long an administrator who approves or rejects in the admin can undo it; the mail
            goes out afterwards. 0 mails at once, and nothing can be undone.
        unverified_warned_after: how long after registering somebody who has not proved their address is reminded of it.
        unverified_expire_after: how long after registering such a registration is deleted; 0 keeps it for ever.
        mail_retry_after: how long to wait before a mail that no mail server took is tried again, the first time; the
            wait doubles with each attempt.
        mails_kept: how long mails that are done with are kept; failed ones are kept for a year at least.
        tasks_kept: how long tasks that have succeeded or were cancelled are kept.
        runs_kept: how long the history of scheduled jobs is kept.
        data_runs_kept: how long the history of importers, seeders, scripts and pipelines is kept.
        import_unpacked_mb: how many MB an XLSX file that is imported may unpack to.
        queue_behind_after: once a task has been due for longer than this, `health/ready/` calls the queue behind.
        metrics_token: what Prometheus signs in with at `/metrics`; empty for no such address (`local` has it open).
        trusted_proxies: how many proxies in front of this server append to X-Forwarded-For. 0 believes none.
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
    password_hashing_waiting: int = 4
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
        """Refuse limits under which nothing could be done, and times in the wrong order."""
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
        """What links in mails start with; from the settings only, never from a request's Host."""
        return self.frontend_url or self.public_url


@lru_cache(maxsize=1)
def options() -> Options:
    """The options in force.

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

"""Who may call what: the API's operations by the `operationId` of the schema, each with those whom it admits.

Everybody else is answered 401 where nobody is signed in, and 403 otherwise. `test_matrix` calls every operation in
every role and holds the API to this table; an operation that is missing here fails it, and so does a line that no
operation has.

Other apps declare their operations in a module `tests/declared.py` of their own, which adds to `DECLARED`, and where
needed with `valid_for` to the valid requests.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.module_loading import autodiscover_modules

from tests.contract.roles import Role


@dataclass(frozen=True)
class Who:
    """Those whom an operation admits.

    Attributes:
        open: everybody; credentials are not even looked at.
        staff: whether staff only.
        permissions: the model permissions that are needed, all of them; superusers have each.
        superuser: whether superusers only.
        but_not: names of roles that it refuses all the same, each with the code of the error.
        but_not_staff: the code of the error by which it refuses all staff, superusers among them; empty if it does not.
    """

    open: bool = False
    staff: bool = False
    permissions: frozenset[str] = frozenset()
    superuser: bool = False
    but_not: Mapping[str, str] = field(default_factory=dict)
    but_not_staff: str = ""

    def admits(self, role: Role) -> bool:
        """Whether a caller in this role may call it."""
        if self.open:
            return True
        if not role.signed_in or role.name in self.but_not or (role.staff and self.but_not_staff):
            return False
        if role.superuser:
            return True
        return not self.superuser and (role.staff or not self.staff) and self.permissions <= role.permissions

    def refusal(self, role: Role) -> tuple[int, str]:
        """The status and the code by which a caller in this role, whom it does not admit, is refused."""
        if role.signed_in:
            of_staff = self.but_not_staff if role.staff else ""
            return 403, self.but_not.get(role.name, of_staff or "permission_denied")
        return 401, "invalid_token" if role.token else "not_authenticated"


EVERYBODY = Who(open=True)
SIGNED_IN = Who()  # an active account with a live session; what is answered or changed is one's own
SUPERUSERS = Who(superuser=True)


def staff_with(*permissions: str) -> Who:
    """Staff who hold each of these model permissions, and superusers."""
    return Who(staff=True, permissions=frozenset(permissions))


DECLARED = {
    # The ways in. Each is guarded by what its body holds: a password, or a token that was mailed or answered.
    "auth_register": EVERYBODY,
    "auth_verify_email": EVERYBODY,
    "auth_verify_email_resend": EVERYBODY,
    "auth_login": EVERYBODY,
    "auth_refresh": EVERYBODY,
    "auth_password_reset": EVERYBODY,
    "auth_password_reset_confirm": EVERYBODY,
    "auth_email_confirm": EVERYBODY,
    "auth_email_revert": EVERYBODY,
    # One's own sessions, password and account.
    "auth_logout": SIGNED_IN,  # or whoever sends a refresh token of the session in the body
    "auth_sessions_list": SIGNED_IN,
    "auth_sessions_end": SIGNED_IN,
    "auth_sessions_revoke_all": SIGNED_IN,
    "auth_password_change": SIGNED_IN,
    "me_retrieve": SIGNED_IN,
    "me_update": SIGNED_IN,
    "me_settings_retrieve": SIGNED_IN,
    "me_settings_update": SIGNED_IN,  # what a setting does depends on the permissions that its person has then
    "me_email_change": SIGNED_IN,
    "me_deactivate": Who(but_not={"superuser": "superuser_stays"}),  # another superuser lets them go
    "me_export": SIGNED_IN,
    "me_erase": Who(but_not_staff="roles_first"),  # another superuser takes their roles away first
    # People.
    "users_list": staff_with("view_user"),
    "users_retrieve": staff_with("view_user"),
    "users_status_counts": staff_with("view_user"),
    "users_export": staff_with("export_user"),
    "users_create": staff_with("add_user"),
    "users_update": staff_with("change_user"),
    "users_approve": staff_with("approve_user"),
    "users_reject": staff_with("approve_user"),
    "users_reopen": staff_with("approve_user"),
    "users_suspend": staff_with("suspend_user"),
    "users_reactivate": staff_with("suspend_user"),
    "users_deactivate": staff_with("suspend_user"),
    "users_bulk": staff_with("view_user", "approve_user"),  # the second is that of the move asked for: an approval
    "users_sessions_list": staff_with("view_session"),
    "users_sessions_end": staff_with("end_session"),
    "users_sessions_revoke_all": staff_with("end_session"),
    # The audit log.
    "audit_list": staff_with("view_auditevent"),
    "audit_retrieve": staff_with("view_auditevent"),
    # Health.
    "health_live": EVERYBODY,
    "health_ready": EVERYBODY,
}

# The fields of their own account that people set themselves. Every other field of the model is a privilege: a body
# that names one is refused whole.
OWN_FIELDS = {
    "auth_register": frozenset({"email", "password", "first_name", "last_name"}),
    "me_update": frozenset({"first_name", "last_name"}),
    "me_settings_update": frozenset({"approval_notices"}),
}

autodiscover_modules("tests.declared")


def declared(operation_id: str) -> Who:
    """Whom an operation admits.

    Raises:
        AssertionError: nobody has declared it. Tests call this while they run, never while they are collected.
    """
    assert operation_id in DECLARED, f"{operation_id} is not declared: say in tests/declared.py who may call it"
    return DECLARED[operation_id]

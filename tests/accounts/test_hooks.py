"""What packages above the accounts do in the same transaction: each has registered when the product has started."""

from keystone.accounts import hooks
from keystone.accounts.passwords import note_new_password
from keystone.approval.notices.telling import tell_approvers
from keystone.sessions.revocation import revoke_sessions


def test_each_hook_has_its_function() -> None:
    assert hooks.access_ended._functions == [revoke_sessions]
    assert hooks.approvers_hear._functions == [tell_approvers]
    assert hooks.password_saved._functions == [note_new_password]


def test_a_hook_calls_its_functions_in_order_and_keeps_what_they_are() -> None:
    called: list[str] = []
    hook: hooks.Hook[[str]] = hooks.Hook()

    @hook.register
    def first(name: str) -> None:
        called.append(f"first {name}")

    hook.register(called.append)
    hook("ann")
    assert called == ["first ann", "ann"]
    first("bob")
    assert called[-1] == "first bob"

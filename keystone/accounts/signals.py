"""The public signals. Each is sent after commit, once per user, with `send_robust`.

Arguments of all: `sender` is the User class, `user` the account as it now is, `by` the `Actor`.
Keystone itself listens to none of them.
"""

from django.dispatch import Signal

# Somebody registered; their flow says whether they are active already.
user_registered = Signal()
# An administrator, a command or the system made an active account.
user_created = Signal()
# The address is proved; the account may be active or in the queue now.
user_email_verified = Signal()
# An administrator let a pending person in.
user_approved = Signal()
# An administrator turned a pending person away.
user_rejected = Signal()
# Whoever approved a person undid it within `decision_undo_window`; the person is pending again. `user_approved` was
# sent before: take back here what you did then.
user_approval_undone = Signal()
# The same of a rejection.
user_rejection_undone = Signal()
# A rejection was taken back; the person is pending again.
user_reopened = Signal()
# An active person was locked out, for a time or for good.
user_suspended = Signal()
# A suspended or deactivated person was let in again.
user_reactivated = Signal()
# The account was closed.
user_deactivated = Signal()
# What told who somebody was is erased; `user` has a pseudonym now.
user_erased = Signal()
# Nobody proved the address in time: the registration was deleted, and `user` is what it was.
registration_expired = Signal()
# Names, roles or the end of access were changed.
user_changed = Signal()

"""The public signals. Each is sent after commit, once per user, with `send_robust`.

Their arguments are `sender`, the User class; `user`, the account as it now is; and `by`, the `Actor`. Keystone itself
connects no receivers.
"""

from django.dispatch import Signal

# A person registered. Depending on their flow, they may already be active.
user_registered = Signal()
# An administrator, a command or the system created an active account.
user_created = Signal()
# The email address was verified. The account may now be active or in the queue.
user_email_verified = Signal()
# An administrator approved a pending person.
user_approved = Signal()
# An administrator rejected a pending person.
user_rejected = Signal()
# An approval was undone within `decision_undo_window`, and the person is pending again. `user_approved` was sent
# before: revert here what you did then.
user_approval_undone = Signal()
# The same for a rejection.
user_rejection_undone = Signal()
# A rejection was taken back, and the person is pending again.
user_reopened = Signal()
# An active person was suspended, for a time or indefinitely.
user_suspended = Signal()
# A suspended or deactivated person was reactivated.
user_reactivated = Signal()
# The account was deactivated.
user_deactivated = Signal()
# The person's data was erased; `user` has a pseudonym now.
user_erased = Signal()
# The registration was not verified in time and was deleted; `user` is how it was before.
registration_expired = Signal()
# Names, the email address, roles or the end of access were changed.
user_changed = Signal()

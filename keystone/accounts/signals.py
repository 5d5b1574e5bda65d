"""What other code may listen to. Each is sent after commit, once per person, with robust delivery.

Arguments of all: `sender` is the User class, `user` the account as it now is, `by` the `Actor`.
Keystone itself listens to none of them.
"""

from django.dispatch import Signal

user_registered = Signal()
user_created = Signal()
user_email_verified = Signal()
user_approved = Signal()
user_rejected = Signal()
user_reopened = Signal()
user_suspended = Signal()
user_reactivated = Signal()
user_deactivated = Signal()
user_changed = Signal()

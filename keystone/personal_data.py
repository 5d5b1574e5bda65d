"""What the core holds about people: importing this registers it. Every app's `personal_data.py` is imported."""

from keystone import admin_log
from keystone.accounts import personal_data as accounts
from keystone.attempts import personal_data as attempts
from keystone.audit import personal_data as audit
from keystone.background import personal_data as background
from keystone.data import personal_data as data
from keystone.mail import personal_data as mail
from keystone.privacy.registry import not_personal
from keystone.scheduling import personal_data as scheduling
from keystone.sessions import personal_data as sessions
from keystone.two_factor import personal_data as two_factor

not_personal("admin.LogEntry")  # our site writes none (see `acting_admin`), and erases what another one wrote

__all__ = [
    "accounts",
    "admin_log",
    "attempts",
    "audit",
    "background",
    "data",
    "mail",
    "scheduling",
    "sessions",
    "two_factor",
]

"""Personal data in the schedule: runs refer to users, but hold no data about them."""

from keystone.personal_data import not_personal

not_personal("keystone.ScheduledRun")  # the audit log also records who requested a run

"""The admin of scheduled jobs and their runs, instead of django-apscheduler's own."""

from django.contrib import admin
from django_apscheduler.admin import DjangoJobAdmin  # the import registers what is unregistered below
from django_apscheduler.models import DjangoJob, DjangoJobExecution

from keystone.scheduling.admin.jobs import ScheduledJobAdmin
from keystone.scheduling.admin.runs import ScheduledRunAdmin

# django-apscheduler's pages let users create jobs from scratch, and run jobs in the web process.
if admin.site.is_registered(DjangoJob) and isinstance(admin.site.get_model_admin(DjangoJob), DjangoJobAdmin):
    admin.site.unregister([DjangoJob, DjangoJobExecution])

__all__ = ["ScheduledJobAdmin", "ScheduledRunAdmin"]

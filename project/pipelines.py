"""Your pipelines. This one is an example."""

from django.utils.translation import gettext_lazy as _

from keystone.data.declarations import Step
from keystone.data.registry import pipeline

pipeline(
    "sample",
    description=_("Fill a development database with people, in groups and with profiles."),
    steps=[
        Step.seeder("groups", count=5),
        Step.seeder("people", count=50, after=("groups",)),
        Step.seeder("profiles", count=40, after=("people",)),
    ],
)

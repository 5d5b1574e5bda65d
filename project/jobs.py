"""Your jobs. This one is an example: a scheduler enqueues it when due, a worker runs it, the admin shows its runs."""

from keystone.scheduling.registry import scheduled
from project.models import Profile


@scheduled(cron="15 4 * * *")
def tidy_organisations() -> dict[str, int]:
    """Takes superfluous spaces out of the names of organisations."""
    tidied = 0
    for profile in Profile.objects.exclude(organisation="").only("organisation").iterator():
        name = " ".join(profile.organisation.split())
        if name != profile.organisation:
            tidied += Profile.objects.filter(pk=profile.pk, organisation=profile.organisation).update(organisation=name)
    return {"tidied": tidied}

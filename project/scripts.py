"""Your scripts. This one is an example."""

from pathlib import Path

from django.db.models import Count
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from keystone.data.registry import script
from keystone.exceptions import Refusal
from keystone.text.spreadsheet import csv_lines
from project.models import Profile


class NoOutput(Refusal):
    """No output file was given."""

    code = "no_output"


@script("organisations", description=_("Write the organisations, and the number of people in each, as CSV."))
def write_organisations(*, source: Path | None, output: Path | None) -> int:
    """Write the organisations to the file `output`.

    Returns:
        The number of organisations.

    Raises:
        NoOutput: there is no `output`.
    """
    if output is None:
        raise NoOutput(gettext("Name the file to write: --output FILE.csv"))
    named = Profile.objects.exclude(organisation="").values("organisation").annotate(people=Count("pk"))
    rows = list(named.order_by("-people", "organisation").values_list("organisation", "people"))
    with output.open("w", encoding="utf-8", newline="") as file:
        file.writelines(csv_lines(("organisation", "people"), rows))
    return len(rows)

"""Erasure of a person's email addresses from runs: in file names, refusals and errors."""

from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, TextField
from django.db.models.functions import Cast

from keystone.data.models import DataRun
from keystone.personal_data import Erasure, eraser

GONE = "…"


@eraser("data_runs")
def erase_from_runs(user: Any, erasure: Erasure) -> None:
    """Erase the person's email addresses from `by`, `options`, `error` and `refused_file`.

    The files themselves are not changed.
    """
    if not erasure.addresses:
        return
    runs = DataRun.objects.alias(told=Cast("options", TextField()))
    runs.filter(_names("by", erasure)).update(by=erasure.pseudonym)
    runs.filter(_names("error", erasure)).update(error=GONE)
    runs.filter(_names("refused_file", erasure)).update(refused_file=GONE)
    runs.filter(_names("told", erasure)).update(options={})


def _names(field: str, erasure: Erasure) -> Q:
    return reduce(or_, (Q(**{f"{field}__icontains": address}) for address in sorted(erasure.addresses)))

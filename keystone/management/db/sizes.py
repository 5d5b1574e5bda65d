"""Format sizes."""

from django.template.defaultfilters import filesizeformat


def sized(size: int | None) -> str:
    """Return a number of bytes in readable form."""
    return "?" if size is None else filesizeformat(size).replace("\xa0", " ")

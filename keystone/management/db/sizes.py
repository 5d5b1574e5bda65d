"""Format sizes."""

from django.template.defaultfilters import filesizeformat


def sized(size: int | None) -> str:
    """A number of bytes for people."""
    return "?" if size is None else filesizeformat(size).replace("\xa0", " ")

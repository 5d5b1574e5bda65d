"""Path converters."""

from django.urls.converters import UUIDConverter, get_converters, register_converter


class AnyCaseUUIDConverter(UUIDConverter):
    """A UUID in lower or upper case, which Swift and .NET write (RFC 9562, section 4)."""

    regex = "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"


if "anycase_uuid" not in get_converters():  # tests that change the URLs import them again
    register_converter(AnyCaseUUIDConverter, "anycase_uuid")

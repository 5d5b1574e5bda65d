"""TWO_FACTOR_REQUIRED: on where the data are real, and switchable everywhere."""

from tests.settings.production import loaded


def test_staff_must_have_one_in_staging_and_production_unless_told_otherwise() -> None:
    for environment, given, required in (
        ("local", "", False),
        ("testing", "", False),
        ("staging", "", True),
        ("production", "", True),
        ("production", "false", False),
        ("local", "true", True),
    ):
        settings = loaded(ENVIRONMENT=environment, TWO_FACTOR_REQUIRED=given)
        assert settings.KEYSTONE["TWO_FACTOR_REQUIRED"] is required, (environment, given)

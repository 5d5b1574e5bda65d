"""Names of cookies, by which products on one host stay apart."""

from keystone.settings.cookies import cookie_prefix
from tests.settings.production import loaded


def test_cookies_are_named_after_the_project_and_its_port() -> None:
    for project, prefix in (
        ("Keystone", "keystone_"),
        ("Müller GmbH, Berlin", "muller_gmbh_berlin_"),
        ("株式会社", "682a_5f0f_4f1a_793e_"),
        ("🙂", "1f642_"),
    ):
        assert cookie_prefix(project) == prefix
        assert cookie_prefix(project, port=8001) == f"{prefix}8001_"
        assert cookie_prefix(project, host_only=True) == f"__Host-{prefix}"
        assert cookie_prefix(project).isascii()


def test_production_binds_its_cookies_to_its_host_and_local_to_its_port() -> None:
    local = {"ENVIRONMENT": "local", "PROJECT_NAME": "Acme"}
    for change, prefix in (
        ({"PROJECT_NAME": "Acme"}, "__Host-acme_"),
        ({"PROJECT_NAME": "Acme", "ENVIRONMENT": "staging"}, "__Host-acme_"),
        ({**local, "PUBLIC_URL": "http://localhost:8000"}, "acme_8000_"),
        ({**local, "PUBLIC_URL": "http://localhost:8001"}, "acme_8001_"),
        ({**local, "PUBLIC_URL": "http://acme.test"}, "acme_"),
    ):
        settings = loaded(**change)
        assert [getattr(settings, f"{cookie}_COOKIE_NAME") for cookie in ("SESSION", "CSRF", "LANGUAGE")] == [
            f"{prefix}sessionid",
            f"{prefix}csrftoken",
            f"{prefix}language",
        ]

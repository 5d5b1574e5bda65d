"""The application without the second look at whoever acts: the control that shows that those tests can fail."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from keystone.actors import acting  # noqa: E402 - Django is set up by the line above


def trust(by: object, row: object) -> None:
    """Trust what was read when the request arrived."""


assert acting._judge.__name__ == "_judge"  # else the control would control nothing
acting._judge = trust

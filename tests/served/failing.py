"""The application as a careless hand might leave it: each endpoint, and the admin's sign-in, fails and tells all."""

from typing import Any, NoReturn

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from rest_framework.request import Request  # noqa: E402 - Django must be set up first
from rest_framework.views import APIView  # noqa: E402 - as above

from keystone.sign_in.forms import SignInForm  # noqa: E402 - as above

initial = APIView.initial


def fail(self: APIView, request: Request, *args: Any, **kwargs: Any) -> None:
    """Fail whatever sends a body, quoting the request in as many ways as there are, with and without names."""
    if request.method != "POST":
        return initial(self, request, *args, **kwargs)
    local_body = dict(request.data)
    meta = {name: value for name, value in request.META.items() if name != "wsgi.input"}
    raise ValueError(local_body, list(local_body.values()), request.get_full_path(), request.COOKIES, meta)


def fail_to_sign_in(self: SignInForm) -> NoReturn:
    """Fail, quoting what was typed."""
    raise ValueError(list(self.data.values()))


APIView.initial = fail  # type: ignore[method-assign]  # that is the point
SignInForm.clean = fail_to_sign_in  # type: ignore[method-assign]  # that is the point

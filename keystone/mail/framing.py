"""Show the HTML of a mail in a page without trusting it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpResponse
from django.utils.csp import CSP
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csp import csp_override

Policy = dict[str, list[str]]

# A mail is untrusted HTML: only its inline styles work. Links open in a new tab.
MAIL_POLICY: Policy = {
    "default-src": [CSP.NONE],
    "style-src": [CSP.UNSAFE_INLINE],
    "img-src": ["data:"],
    "frame-ancestors": [CSP.SELF],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}


def framed[**P](view: Callable[P, str]) -> Callable[P, HttpResponse]:
    """Turn a view that returns a mail's HTML into one whose response can be shown in a frame of this site."""

    @wraps(view)
    def answer(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        return HttpResponse(view(*args, **kwargs).replace("<head>", '<head><base target="_blank">', 1))

    wrapped: Any = xframe_options_sameorigin(csp_override(MAIL_POLICY)(answer))
    shown: Callable[P, HttpResponse] = wrapped
    return shown

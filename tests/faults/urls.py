"""The site's addresses, and one that fails."""

import json
from typing import NoReturn

from django.http import HttpRequest
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

handler500 = "keystone.api.errors.server_error"


@csrf_exempt
def fault(request: HttpRequest) -> NoReturn:
    body = json.loads(request.body)
    raise ValueError(body, request.get_full_path(), dict(request.headers), request.COOKIES)


urlpatterns = [path("api/fault/", fault), path("", include("config.urls"))]

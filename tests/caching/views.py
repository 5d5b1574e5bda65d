"""Views of every kind that `cached` is made for. Each answers with how often it was asked to."""

from collections import Counter

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token
from django.urls import include, path
from django.views import View
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from keystone.accounts.models import User
from keystone.caching.views import cached
from keystone.testing.factories import UserFactory

calls: Counter[str] = Counter()


def called(name: str) -> str:
    """Count a call."""
    calls[name] += 1
    return f"{name} {calls[name]}"


@cached(expire=60)
def private(request: HttpRequest) -> HttpResponse:
    return HttpResponse(called("private"))


@cached(expire=60, public=True, vary_on=("X-Shop",))
def public(request: HttpRequest) -> HttpResponse:
    return HttpResponse(called("public"))


@cached(public=True)
def varies(request: HttpRequest) -> HttpResponse:
    return HttpResponse(called("varies"), headers={"Vary": "X-Colour"})


@cached(public=True)
def odd(request: HttpRequest, kind: str) -> HttpResponseBase:
    text = called(kind)
    match kind:
        case "cookie":
            response = HttpResponse(text)
            response.set_cookie("a", "b")
            return response
        case "header":
            return HttpResponse(text, headers={"Set-Cookie": "a=b"})
        case "message":
            messages.info(request, text)
            return HttpResponse(text)
        case "form":
            return HttpResponse(get_token(request))
        case "session":
            request.session["a"] = text
            return HttpResponse(text)
        case "stream":
            return StreamingHttpResponse([text])
        case "missing":
            return HttpResponse(text, status=404)
        case "star":
            return HttpResponse(text, headers={"Vary": "*"})
    return HttpResponse(text, headers={"Cache-Control": kind})


@cached()
def by_authorization(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"for {request.headers.get('Authorization', 'nobody')}")


class InParts(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(self.part(request, 1).content + self.part(request, 2).content)

    @cached()
    def part(self, request: HttpRequest, number: int) -> HttpResponse:
        return HttpResponse(f"part {number}. ")


class OfAClass(View):
    @cached(models=(User,))
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(f"{called('of_a_class')}, {User.objects.count()} people")

    def post(self, request: HttpRequest) -> HttpResponse:
        UserFactory(first_name=called("posted"))
        return HttpResponse()


class OfDrf(APIView):
    @cached()
    def get(self, request: Request) -> Response:
        return Response({"said": called("of_drf")})


@api_view(["GET"])
@permission_classes([AllowAny])
@cached(public=True)
def drf_function(request: Request) -> Response:
    return Response({"said": called("drf_function")})


@cached()
def outside(request: HttpRequest) -> HttpResponseBase:
    return OfDrf.as_view()(request)


urlpatterns = [
    path("private/", private),
    path("public/", public),
    path("varies/", varies),
    path("odd/<path:kind>/", odd),
    path("authorization/", by_authorization),
    path("parts/", InParts.as_view()),
    path("class/", OfAClass.as_view()),
    path("drf/", OfDrf.as_view()),
    path("drf-function/", drf_function),
    path("outside/", outside),
    path("", include("keystone.urls")),  # which DRF's pages link to
]

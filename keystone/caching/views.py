"""The `@cached` decorator for views."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone, translation
from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from keystone.caching.answers import has_options, lifetime, packed, unpacked, varies_on, with_cache_headers
from keystone.caching.slots import Hit, Miss, Slot
from keystone.caching.versions import ModelOrLabel

INSIDE = "cached belongs on the methods of a DRF view, or under @api_view: only there is known who asks."


def cached[F: Callable[..., Any]](
    expire: int = 300,
    *,
    models: tuple[ModelOrLabel, ...] = (),
    public: bool = False,
    vary_on: tuple[str, ...] = (),
    local: bool = False,
) -> Callable[[F], F]:
    """Cache a view's responses to GET and HEAD. Works on functions and on methods of classes, of Django and of DRF.

    Args:
        expire: the lifetime in seconds.
        models: committed changes to rows of these models invalidate the responses.
        public: everybody gets the same response. Otherwise responses are cached per user, or per session for users who
            are not signed in.
        vary_on: request headers that the response depends on, in addition to those in its Vary header.
        local: each process caches in its own memory, for responses that depend only on the code.
    """

    def decorate(view: F) -> F:
        if issubclass(getattr(view, "cls", object), APIView):
            raise ImproperlyConfigured(INSIDE)
        if iscoroutinefunction(view):
            raise ImproperlyConfigured("cached is for views that are no coroutines.")
        keeping = CachedView(view, expire, tuple(models), public, local, frozenset(name.lower() for name in vary_on))

        @wraps(view)
        def answer(*args: Any, **kwargs: Any) -> Any:
            asked = CacheableRequest.of(args, kwargs)
            if not asked.is_cacheable:
                return view(*args, **kwargs)
            who = keeping.who(asked)
            found = keeping.slot(asked, who).look_up()
            if isinstance(found, Hit):
                return keeping.again(asked, found)
            return keeping.first(asked, who, view(*args, **kwargs), found)

        return answer  # type: ignore[return-value]  # it is called like the view

    return decorate


@dataclass(frozen=True)
class CacheableRequest:
    """A request: DRF's request in DRF views, and Django's."""

    request: Any
    http: HttpRequest
    view: Any  # the instance if the view is a method; None for a function
    arguments: str  # the view's other arguments

    @classmethod
    def of(cls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> "CacheableRequest":
        """Return the request found in a view's arguments."""
        for place, value in enumerate(args[:2]):
            others = repr((args[place + 1 :], sorted(kwargs.items())))
            if isinstance(value, Request):
                return cls(value, value._request, args[0] if place else value.parser_context["view"], others)
            if isinstance(value, HttpRequest):
                return cls(value, value, args[0] if place else None, others)
        raise ImproperlyConfigured("cached belongs on views, whose first argument is a request.")

    @property
    def is_cacheable(self) -> bool:
        """Whether the response may be cached. Pages of the browsable API and media types with options are not."""
        if self.http.method not in {"GET", "HEAD"}:
            return False
        if not isinstance(self.request, Request):
            return True
        return not (
            isinstance(self.request.accepted_renderer, BrowsableAPIRenderer)
            or has_options(self.request.accepted_media_type)
        )

    @property
    def what(self) -> tuple[object, ...]:
        """Everything that the response may depend on, except the user and individual headers."""
        form = ""
        if isinstance(self.request, Request):
            form = f"{self.request.accepted_renderer.format} {self.request.accepted_renderer.media_type}"
        return (
            *(type(self.view).__qualname__, self.http.method, self.http.scheme, self.http.get_host(), self.http.path),
            self.arguments,
            *(sorted(self.http.GET.lists()), form, translation.get_language(), timezone.get_current_timezone_name()),
        )


@dataclass
class CachedView:
    """The cache of one view's responses.

    The names in the responses' Vary headers are added to `headers`. Another process finds the responses that depend on
    them only after it has computed one itself.
    """

    view: Callable[..., Any]
    expire: int
    models: tuple[ModelOrLabel, ...]
    public: bool
    local: bool
    headers: frozenset[str]

    def who(self, asked: CacheableRequest) -> tuple[str, ...]:
        """Return the key of the user or session that the response is for.

        Only DRF authenticates users by the Authorization header. For other views the header is part of the key.
        """
        if self.public:
            return ()
        said = asked.http.headers.get("Authorization", "")
        user = getattr(asked.request, "user", None)
        if user is not None and user.is_authenticated:
            return "person", str(user.pk), "" if isinstance(asked.request, Request) else said
        session = getattr(asked.http, "session", None)
        return "session", str(getattr(session, "session_key", None) or ""), said

    def slot(self, asked: CacheableRequest, who: tuple[str, ...]) -> Slot:
        """Return the slot for the response to this request."""
        headers = [(name, asked.http.headers.get(name)) for name in sorted(self.headers)]
        what = ("view", self.view.__module__, self.view.__qualname__, who, asked.what, headers)
        return Slot(what, self.models, local=self.local)

    def first(
        self, asked: CacheableRequest, who: tuple[str, ...], response: HttpResponseBase, miss: Miss
    ) -> HttpResponseBase:
        """Return a computed response, after caching it if allowed."""
        if isinstance(response, Response) and not isinstance(asked.request, Request):
            raise ImproperlyConfigured(INSIDE)
        _render(asked, response)
        expire = lifetime(asked.http, response, expire=self.expire, public=self.public)
        if not expire:
            return response
        self.headers |= varies_on(response)
        self.slot(asked, who).store(packed(response), miss, expire=expire)  # type: ignore[arg-type]  # it does not stream
        return self._told(asked, response, expire)

    def again(self, asked: CacheableRequest, hit: Hit) -> HttpResponseBase:
        """Return the cached response."""
        return self._told(asked, unpacked(hit.payload), hit.left)

    def _told(self, asked: CacheableRequest, response: Any, left: int) -> HttpResponseBase:
        vary = [*sorted(self.headers), *(() if self.public else ("Authorization", "Cookie"))]
        return with_cache_headers(
            asked.http,
            response,
            left=left,
            public=self.public,
            ask_again=bool(self.models),
            vary=[*map(str.title, vary)],
        )


def _render(asked: CacheableRequest, response: Any) -> None:
    """Render a response that is not rendered yet, as DRF and Django do."""
    if getattr(response, "is_rendered", True):
        return
    if isinstance(response, Response):
        response.accepted_renderer = asked.request.accepted_renderer
        response.accepted_media_type = asked.request.accepted_media_type
        response.renderer_context = asked.view.get_renderer_context()  # type: ignore[attr-defined]  # DRF's own way
    response.render()

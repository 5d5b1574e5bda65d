"""The browsable API."""

from typing import Any
from urllib.parse import urlsplit

from rest_framework.renderers import BrowsableAPIRenderer as Base


class BrowsableAPIRenderer(Base):
    """DRF's renderer, without links that are built from the request's Host header."""

    def get_extra_actions(self, view: Any, status_code: int) -> dict[str, str] | None:
        """Return the URLs of a view's extra actions, as paths of this site."""
        found: dict[str, str] | None = super().get_extra_actions(view, status_code)
        return found and {name: urlsplit(url)._replace(scheme="", netloc="").geturl() for name, url in found.items()}

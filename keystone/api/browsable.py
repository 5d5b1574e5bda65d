"""The browsable API."""

from typing import Any
from urllib.parse import urlsplit

from rest_framework.renderers import BrowsableAPIRenderer as Base


class BrowsableAPIRenderer(Base):
    """DRF's, without links that are made from the request's Host."""

    def get_extra_actions(self, view: Any, status_code: int) -> dict[str, str] | None:
        """The other addresses of a list, as paths of this site."""
        found: dict[str, str] | None = super().get_extra_actions(view, status_code)
        return found and {name: urlsplit(url)._replace(scheme="", netloc="").geturl() for name, url in found.items()}

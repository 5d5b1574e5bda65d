"""The IP address of the client."""

import ipaddress

from django.http import HttpRequest

from keystone.conf import options


def client_address(request: HttpRequest) -> str | None:
    """Return the client's IP address, or None if it is unknown (a Unix socket).

    `X-Forwarded-For` is trusted only for as many hops as there are trusted proxies. Each proxy appends the address that
    it saw, so the entry of the first trusted proxy is that many places from the right. Entries further left were sent
    by the client and prove nothing. If that entry isn't an IP address, the proxy's address is returned.
    """
    proxies = options().trusted_proxies
    direct = _address(request.META.get("REMOTE_ADDR", ""))
    hops = [hop for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    if not proxies or len(hops) < proxies:
        return direct
    return _address(hops[-proxies]) or direct


def _address(text: str) -> str | None:
    """Return the IP address in `text`, without the port that some proxies append. Return None if there is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None

"""The IP address of the client."""

import ipaddress

from django.http import HttpRequest

from keystone.conf import options


def client_address(request: HttpRequest) -> str | None:
    """The caller's address, or None where it is unknown (a Unix socket).

    `X-Forwarded-For` is believed only for as many hops as there are proxies of our own: each appends the address
    that it saw, so the entry that the first of ours wrote stands that many places from the right. What stands
    further left was sent by the caller and proves nothing. Where that entry is no address, the proxy's own counts.
    """
    proxies = options().trusted_proxies
    direct = _address(request.META.get("REMOTE_ADDR", ""))
    hops = [hop for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    if not proxies or len(hops) < proxies:
        return direct
    return _address(hops[-proxies]) or direct


def _address(text: str) -> str | None:
    """The address in `text`, which may have a port behind it, as some proxies write it; None where there is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None

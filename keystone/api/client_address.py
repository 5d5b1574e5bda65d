"""The IP address that a request comes from."""

import ipaddress

from django.http import HttpRequest

from keystone.conf import options


def client_address(request: HttpRequest) -> str | None:
    """The caller's address, or None where it is unknown (a Unix socket).

    `X-Forwarded-For` is believed only for as many hops as there are proxies of our own: each appends the address
    that it saw, so the entry that the first of ours wrote stands that many places from the right. What stands
    further left was sent by the caller and proves nothing.
    """
    proxies = options().trusted_proxies
    candidate = request.META.get("REMOTE_ADDR", "")
    if proxies:
        hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
        if len(hops) >= proxies:
            candidate = hops[-proxies]
    try:
        return str(ipaddress.ip_address(candidate))
    except ValueError:
        return None

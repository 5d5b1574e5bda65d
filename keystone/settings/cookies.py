"""Cookie names. Browsers send a host's cookies to all its ports: products with the same names sign each other out."""

import re

from django.utils.text import slugify


def cookie_prefix(project_name: str, *, port: int | None = None, host_only: bool = False) -> str:
    """Return the prefix of a product's cookie names, such as `acme_`, `acme_8000_` or `__Host-acme_`.

    Args:
        port: the port of a product that shares its host with others, as on a developer's machine.
        host_only: whether browsers must refuse the cookie unless it is Secure, for this host only and for all of its
            paths (RFC 6265bis, section 4.1.3.2): other hosts of the domain can't set it then.
    """
    # A name without Latin letters is spelled by its code points, to stay unique.
    name = slugify(project_name) or "-".join(f"{ord(sign):x}" for sign in project_name[:8])
    parts = [re.sub(r"-+", "_", name)[:40].strip("_"), *([str(port)] if port else [])]
    return ("__Host-" if host_only else "") + "_".join(filter(None, parts)) + "_"


def cookie_names(project_name: str, *, port: int | None = None, host_only: bool = False) -> tuple[str, str, str]:
    """Return the names of the session, CSRF and language cookies. The arguments are those of `cookie_prefix()`."""
    prefix = cookie_prefix(project_name, port=port, host_only=host_only)
    return f"{prefix}sessionid", f"{prefix}csrftoken", f"{prefix}language"

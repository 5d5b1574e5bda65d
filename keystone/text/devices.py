"""Name a device from its User-Agent."""

from django.utils.translation import gettext as _

# The first match wins: most browsers also name others for compatibility.
PROGRAMS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("Chrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Safari", "Safari"),
    ("curl", "curl"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


USER_AGENT_LENGTH = 300  # characters of the header that are stored


def kept_user_agent(user_agent: str) -> str:
    """Return the printable beginning of a user agent, for storing.

    Args:
        user_agent: the header `User-Agent` of a request.
    """
    return "".join(sign for sign in user_agent if sign.isprintable())[:USER_AGENT_LENGTH]


def device_name(user_agent: str) -> str:
    """Return a name such as "Firefox on Windows" in the current language; empty if nothing is recognized.

    The name consists of our words only. Anybody can set the header, and a mail must not repeat a stranger's message.

    Args:
        user_agent: the header `User-Agent` of a request.
    """
    program, system = (next((name for sign, name in known if sign in user_agent), "") for known in (PROGRAMS, SYSTEMS))
    if program and system:
        return _("%(program)s on %(system)s") % {"program": program, "system": system}
    return program or system

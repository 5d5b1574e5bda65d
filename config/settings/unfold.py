"""The look of the admin. Names of functions are resolved when a page is shown, so nothing is imported here."""

from typing import Any

from django.templatetags.static import static

_ADMIN = "keystone.accounts.admin"

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": f"{_ADMIN}.sidebar.project_name",
    "SITE_HEADER": f"{_ADMIN}.sidebar.project_name",
    "SITE_SUBHEADER": f"{_ADMIN}.sidebar.subtitle",
    "SITE_SYMBOL": "key",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("keystone/admin/favicon.svg")}
    ],
    "SHOW_HISTORY": False,  # a person's page has its own history, from the audit log
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": False,
    "BORDER_RADIUS": "6px",
    "ENVIRONMENT": f"{_ADMIN}.sidebar.environment",
    "ENVIRONMENT_TITLE_PREFIX": f"{_ADMIN}.sidebar.title_prefix",
    "DASHBOARD_CALLBACK": f"{_ADMIN}.dashboard.dashboard",
    "STYLES": [lambda _request: static("keystone/admin/admin.css")],
    "SITE_VIEWS": [("password_change/", "password_change", f"{_ADMIN}.passwords.OwnPasswordView")],
    "COLORS": {
        # A blue whose 600 on white, and white on its 600, are well above the 4.5:1 of WCAG AA.
        "primary": {
            "50": "oklch(97% .014 254.604)",
            "100": "oklch(93.2% .032 255.585)",
            "200": "oklch(88.2% .059 254.128)",
            "300": "oklch(80.9% .105 251.813)",
            "400": "oklch(70.7% .165 254.624)",
            "500": "oklch(62.3% .214 259.815)",
            "600": "oklch(54.6% .245 262.881)",
            "700": "oklch(48.8% .243 264.376)",
            "800": "oklch(42.4% .199 265.638)",
            "900": "oklch(37.9% .146 265.522)",
            "950": "oklch(28.2% .091 267.935)",
        },
    },
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": f"{_ADMIN}.sidebar.navigation",
    },
}

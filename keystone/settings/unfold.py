"""The look of the admin. Functions are named by path, so that nothing is imported here."""

from typing import Any

from django.templatetags.static import static

_ADMIN = "keystone.approval.admin"

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": f"{_ADMIN}.sidebar.project_name",
    "SITE_HEADER": f"{_ADMIN}.sidebar.project_name",
    "SITE_SUBHEADER": f"{_ADMIN}.sidebar.subtitle",
    "SITE_ICON": lambda _request: static("keystone/pages/mark.svg"),
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("keystone/pages/mark.svg")}
    ],
    "SHOW_HISTORY": False,  # a person's page has its own history, from the audit log
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": False,
    "BORDER_RADIUS": "6px",
    "ENVIRONMENT": f"{_ADMIN}.sidebar.environment",
    "ENVIRONMENT_TITLE_PREFIX": f"{_ADMIN}.sidebar.title_prefix",
    "DASHBOARD_CALLBACK": f"{_ADMIN}.dashboard.dashboard",
    "ACCOUNT": {"navigation": f"{_ADMIN}.sidebar.account_links"},
    "STYLES": [lambda _request: static("keystone/admin/admin.css")],
    "SCRIPTS": [lambda _request: static("keystone/admin/accessibility.js")],
    "SITE_VIEWS": [
        ("password_change/", "password_change", "keystone.approval.admin.passwords.OwnPasswordView"),
        ("notices/", "notices", f"{_ADMIN}.own_notices.OwnNoticesView"),
    ],
    "COLORS": {
        # The indigo of the pages and mails. The contrast of its 600 with white is well above the 4.5:1 of WCAG AA.
        "primary": {
            "50": "oklch(96.2% .018 272.314)",
            "100": "oklch(93% .034 272.788)",
            "200": "oklch(87% .065 274.039)",
            "300": "oklch(78.5% .115 274.713)",
            "400": "oklch(67.3% .182 276.935)",
            "500": "oklch(58.5% .233 277.117)",
            "600": "oklch(51.1% .262 276.966)",
            "700": "oklch(45.7% .24 277.023)",
            "800": "oklch(39.8% .195 277.366)",
            "900": "oklch(35.9% .144 278.697)",
            "950": "oklch(25.7% .09 281.288)",
        },
    },
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": f"{_ADMIN}.sidebar.navigation",
    },
}

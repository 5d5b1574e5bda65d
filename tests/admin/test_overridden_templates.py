"""The templates of unfold that ours stand in for: told when a new unfold changes one of them."""

import hashlib
from pathlib import Path

import unfold
from django.conf import settings

OURS = Path(settings.BASE_DIR) / "keystone" / "templates"
# SHA-256 of unfold 0.110.0's. After an upgrade: compare what changed, carry it over, and note the new digest here.
# fmt: off
MADE_FROM: dict[str, str] = {
    "admin/base.html": "7428a8411d69ed8180178d888e37eaf05d73658d78c9e14eb04b79f0e8fe131c",
    "admin/index.html": "dd345254af4ffc9aa1ed138264233f8d8c8706e13e0593b29c3af123207a2884",
    "admin/search_form.html": "6fffbeaa10f677b5b098cc9fadf6d4481dd0356e8dcb72b5851390ba95878bf9",
    "unfold/helpers/change_list_filter_button.html": "f5492043bcfa9373f53ecf4ce06cd86f4cbf196c68fe4e5397375bd74b1fe7fe",
    "unfold/helpers/change_list_filter_vertical.html": "6b9dffc9312c6b968165af067b0ebc2f800df82e2b0b3b942ec78287460692fc",  # noqa: E501 - a digest
    "unfold/helpers/empty_results.html": "830db82d60f52b85f55ec9c54658e438370fc3067887e4defd80b628d4e68112",
    "unfold/helpers/header_title.html": "708a66bc1c0997f3927ce7ea61e6840d612cf2a465505d5c7e5bdc88f3515d1f",
    "unfold/helpers/navigation_header.html": "ebf1a6c9aa1994aa31ec464739ea1420275167da904daf0f6a118d6ce06813c6",
    "unfold/helpers/navigation_user.html": "df49db2d72d7e8f24e0252b832a0fc0b14f309d47e3655fbaf3f08b4c5a4aae9",
    "unfold/helpers/theme_switch.html": "34db9918846bc787af73e09c8e7ecbb133a7341c06872ac7d90fb651c83379d0",
    "unfold/helpers/theme_switch_dropdown.html": "90421e9a3524b57f4487753acb3380c2c399d4a08483aaefff209c1f196c55a6",
    "unfold/helpers/welcomemsg.html": "91ac76169f4c93b57e54cdd03af5aac3311f695014a529314f17ff4c2170c28a",
}
# fmt: on


def test_ours_are_made_from_the_installed_templates() -> None:
    theirs = Path(unfold.__file__).parent / "templates"
    overridden = {
        str(path.relative_to(OURS)): hashlib.sha256((theirs / path.relative_to(OURS)).read_bytes()).hexdigest()
        for folder in ("admin", "unfold")
        for path in sorted((OURS / folder).rglob("*.html"))
    }
    assert overridden == MADE_FROM

"""Who may call your operations: a line for each, as in `tests.contract.declared`. The contract tests call them all."""

from keystone.accounts.models import User
from project.models import Profile
from tests.contract.declared import DECLARED, SIGNED_IN
from tests.contract.valid import Valid, valid_for

DECLARED |= {
    "profile_retrieve": SIGNED_IN,
    "profile_partial_update": SIGNED_IN,
}


@valid_for("profile_retrieve", "profile_partial_update")
def _profile(caller: User) -> Valid:
    Profile.objects.get_or_create(user=caller)
    return Valid(body={"organisation": "ACME"})

"""The authenticator app of the tests: what somebody's phone would show, and a browser that they signed in with it."""

import base64
import time

from django.test import Client
from django_otp.oath import totp

from keystone.accounts.models import User
from keystone.testing.factories import PASSWORD
from keystone.two_factor import enrolment
from keystone.two_factor.models import STEP, Authenticator

WRONG = "abcdef"  # never a code: the tests do not depend on chance


def shown(authenticator: Authenticator, *, steps: int = 0) -> str:
    """What the app shows now, or some steps of 30 seconds later."""
    key = base64.b32decode(authenticator.secret.replace(" ", ""))
    return f"{totp(key, step=STEP, t0=-steps * STEP):06}"


def set_up(user: User) -> list[str]:
    """Set up a second factor as the person does.

    Returns:
        The recovery codes.
    """
    authenticator = enrolment.begin(user)
    return enrolment.confirm(user, authenticator.pk, shown(authenticator)).recovery_codes


def fresh_code(user: User) -> str:
    """A code that works now, also where the one of this half minute was used already: that is forgotten."""
    authenticator = Authenticator.objects.get(user=user, confirmed=True)
    Authenticator.objects.filter(pk=authenticator.pk).update(last_step=int(time.time()) // STEP - 5)
    return shown(authenticator)


def verified_browser(user: User) -> Client:
    """A browser in which staff signed in to the admin with both factors."""
    client = Client()
    client.post("/admin/login/", {"username": user.email, "password": PASSWORD})
    client.post("/admin/login/code/", {"code": fresh_code(user)})
    assert client.get("/admin/").status_code == 200
    return client

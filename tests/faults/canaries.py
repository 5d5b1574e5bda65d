"""Secrets of a test's, and the ways in which careless code quotes them when it fails.

The processes find them in the file that FAULTS_SECRETS names: by their names, as JSON.
"""

import json
import os
from pathlib import Path

VARIABLE = "FAULTS_SECRETS"


def kept() -> dict[str, str]:
    """The secrets; none as long as there is no file."""
    file = Path(os.environ.get(VARIABLE, ""))
    secrets: dict[str, str] = json.loads(file.read_text()) if file.is_file() else {}
    return secrets


def quoted(secrets: dict[str, str]) -> list[object]:
    """Each as it stands in an exception: with its name where it is something that people choose."""
    found: list[object] = []
    for name, secret in secrets.items():
        if "password" in name:
            found += [{"password": secret}, f"password={secret!r}"]
        elif "cookie" in name:
            found += [{"sessionid": secret}, f"Cookie: sessionid={secret}; theme=dark"]
        elif "link" in name:
            found += [secret, f"http://localhost:8000/reset-password/{secret}/"]
        elif "authenticator" in name:
            found += [{"secret": secret}, f"otpauth://totp/Keystone:ann?secret={secret}&issuer=Keystone"]
        elif "access" in name or "refresh" in name:
            found += [secret, f"Bearer {secret}"]
        else:  # of the settings, and recovery codes
            found += [secret, f"it was {secret}, and was not taken"]
    return found

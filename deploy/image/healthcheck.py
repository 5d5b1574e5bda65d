#!/usr/local/bin/python3 -I
"""Whether this container does what it was started for: it ends with 0 or 1. The entrypoint notes the role."""

import os
import re
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

STATE = Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108 - the container's own
OLDEST = 30  # seconds without a sign of life
TIMEOUT = 5


def fault() -> str:
    """What is wrong; empty for nothing."""
    try:
        role = (STATE / "role").read_text().strip()
    except FileNotFoundError:
        return ""  # a command that ends by itself
    return fault_of_web() if role == "web" else fault_of_file(STATE / f"{role}.ready")


def fault_of_web() -> str:
    """The process answers. It is asked by a name that it was told, since it answers to no other."""
    host = first_host()
    connection = HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or 8000), timeout=TIMEOUT)
    try:
        connection.request("GET", "/api/health/live/", headers={"Host": host})
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return f"no answer: {error}"
    finally:
        connection.close()
    return "" if status == 200 else f"answered {status} to {host}"


def first_host() -> str:
    """The first of ALLOWED_HOSTS, which may be in a file; this machine's where there is none, as in development."""
    path = os.environ.get("ALLOWED_HOSTS_FILE", "")
    hosts = os.environ.get("ALLOWED_HOSTS", "") or (Path(path).read_text(encoding="utf-8-sig") if path else "")
    names = [name.strip().lstrip(".") for name in re.split(r'[,\n"]|^\[(?=")', hosts)]
    return next(filter(None, names), "localhost")


def fault_of_file(file: Path) -> str:
    """The file is there, and its process has touched it lately."""
    try:
        age = time.time() - file.stat().st_mtime
    except FileNotFoundError:
        return "not ready"
    return "" if age < OLDEST else f"no sign of life for {age:.0f} s"


if __name__ == "__main__":
    said = fault()
    if said:
        sys.stderr.write(f"{said}\n")
    sys.exit(bool(said))

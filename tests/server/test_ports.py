"""Whether a port can be listened on."""

import os
import socket

import pytest

from keystone.server.ports import OTHER, PortUnavailable, check_port


def test_a_free_port_can_be_used() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    assert check_port("127.0.0.1", port) == "127.0.0.1"
    assert check_port("127.0.0.1", port) == "127.0.0.1"  # trying takes nothing


def test_a_port_that_is_taken_is_told_with_another_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortUnavailable) as refusal:
            check_port("127.0.0.1", port)
    line = f"Port {port} is in use. Stop what uses it, or choose another one: --port {port + 1}"
    assert refusal.value.detail == line


@pytest.mark.skipif(os.geteuid() == 0, reason="root may listen anywhere")
def test_a_port_that_needs_rights_is_told_with_one_that_needs_none() -> None:
    with pytest.raises(PortUnavailable, match=rf"^Port 1 of 127.0.0.1 cannot be used .*: --port {OTHER}$"):
        check_port("127.0.0.1", 1)

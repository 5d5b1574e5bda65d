"""A server of the tests, in a thread."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def serving[S: socketserver.BaseServer](server: S) -> Iterator[S]:
    """Serve for the time of the block, and close the server."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

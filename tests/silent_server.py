"""A server that hangs."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager


@contextmanager
def silent_server() -> Iterator[tuple[int, list[socket.socket]]]:
    """A port that takes connections and never answers, and the connections that it took."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=512)) as listener:
        held: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    held.append(listener.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1], held
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in held:
            connection.close()

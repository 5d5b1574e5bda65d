"""A Redis of a test's own, which it may stop and kill."""

import shutil
import signal
import subprocess
import time
from pathlib import Path

import redis

PROGRAM = shutil.which("redis-server")


class RedisServer:
    """It listens on a socket in a folder, and keeps what it has over a restart.

    Args:
        folder: short, for the path of a Unix socket has at most some hundred bytes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "redis"
        self.url = f"unix://{self.socket}?db=0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [str(PROGRAM), "--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder)]
        command += ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        end = time.monotonic() + 20
        with self.client() as client:
            while True:
                try:
                    client.ping()
                except redis.RedisError:
                    if time.monotonic() > end or self.process.poll() is not None:
                        self.kill()
                        raise
                    time.sleep(0.02)
                else:
                    return

    def client(self) -> redis.Redis:
        """A client that knows no breaker."""
        return redis.Redis(unix_socket_path=str(self.socket), socket_timeout=5)

    def hang(self) -> None:
        """It takes connections, and answers nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """It answers again."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """As a crash would."""
        self.process.kill()
        self.process.wait(timeout=20)
        self.socket.unlink(missing_ok=True)

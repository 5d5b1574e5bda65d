"""The function that both queues run: it does nothing, or notes how long ago it was enqueued."""

import os
import time
from pathlib import Path

from keystone.background.declaring import task


@task()
def note(path: str = "", sent_at: float = 0.0) -> None:
    """Add the seconds since `sent_at` to a file, if one is named."""
    if path:
        line = f"{time.time() - sent_at}\n".encode()
        with Path(path).open("ab", buffering=0) as file:
            os.write(file.fileno(), line)

"""What an exception says, for a log or somebody at a terminal."""


def in_one_line(error: BaseException) -> str:
    """What it says, or its class where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__

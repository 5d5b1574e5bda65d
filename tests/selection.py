"""Which tests run: the quick ones by default, every test with `--all`, or what the arguments name."""

from pathlib import Path

import pytest

NOT_QUICK = ("slow", "served", "faults", "browser")
QUICK = " and ".join(f"not {marker}" for marker in NOT_QUICK)
# Every test in these folders carries the marker.
MARKED_FOLDERS = {
    Path(__file__).parent / folder: marker
    for folder, marker in (("served", "served"), ("faults", "faults"), ("browser", "browser"), ("fuzz", "slow"))
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare `--all`."""
    parser.addoption("--all", action="store_true", help=f"run the tests marked {', '.join(NOT_QUICK)} as well")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Leave out what is not quick, unless the arguments name tests by path, marker, keyword or last failure."""
    option = config.option
    by_path = config.args_source is pytest.Config.ArgsSource.ARGS
    if not (option.all or by_path or option.markexpr or option.keyword or getattr(option, "lf", False)):
        option.markexpr = QUICK


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Don't import tests of which none is quick."""
    return True if config.option.markexpr == QUICK and collection_path in MARKED_FOLDERS else None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests of the marked folders."""
    for folder, marker in MARKED_FOLDERS.items():
        if item.path.is_relative_to(folder):
            item.add_marker(marker)

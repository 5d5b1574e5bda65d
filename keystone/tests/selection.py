"""Which tests run: the quick ones by default, every test with `--all`, or what the arguments name."""

from pathlib import Path

import pytest

NOT_QUICK = ("slow", "served", "faults", "browser")
# Every test in these folders carries the folder's marker.
MARKED_FOLDERS = {Path(__file__).parent / name: name for name in ("served", "faults", "browser")}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare `--all`."""
    parser.addoption("--all", action="store_true", help=f"run the tests marked {', '.join(NOT_QUICK)} as well")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Leave out what is not quick, unless the arguments name tests by path, marker, keyword or last failure."""
    option = config.option
    by_path = config.args_source is pytest.Config.ArgsSource.ARGS
    if not (option.all or by_path or option.markexpr or option.keyword or option.lf):
        option.markexpr = " and ".join(f"not {marker}" for marker in NOT_QUICK)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests of the marked folders."""
    for folder, marker in MARKED_FOLDERS.items():
        if item.path.is_relative_to(folder):
            item.add_marker(marker)

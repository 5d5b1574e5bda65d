"""Import modules by name, from every installed app and from every package of an app.

`jobs.py`, `emails.py`, `personal_data.py`, `importers.py` and similar modules register their contents when they are
imported. Django finds such modules at the top level of an app; here they may also be in the packages of an app. A
package with an `apps.py` is an app of its own.
"""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from django.apps import apps

# Packages whose modules may have any name.
PASSED_OVER = frozenset({"admin", "management", "migrations", "pages", "settings", "testing", "tests"})


def discover(*names: str) -> None:
    """Import all modules with these names. If one is a package, import all of its modules.

    Args:
        names: the modules' names, such as `jobs` and `emails`.
    """
    for config in apps.get_app_configs():
        for module in _found(config.name, Path(config.path), frozenset(names)):
            import_module(module)


def _found(package: str, folder: Path, names: frozenset[str]) -> Iterator[str]:
    for module in iter_modules([str(folder)]):
        path = f"{package}.{module.name}"
        if module.name in names:
            yield path
            if module.ispkg:
                yield from (f"{path}.{part.name}" for part in iter_modules([str(folder / module.name)]))
        elif module.ispkg and module.name not in PASSED_OVER and not (folder / module.name / "apps.py").exists():
            yield from _found(path, folder / module.name, names)

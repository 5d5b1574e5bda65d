"""The compose files, read as they are: `!reset` and `!override` are of Compose's own YAML, which no library reads."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from keystone.environment import env

DEVELOPMENT = env.BASE_DIR / "compose.yaml"
PRODUCTION = env.BASE_DIR / "compose.production.yaml"
ENTRYPOINT = env.BASE_DIR / "deploy" / "image" / "entrypoint.sh"
OURS = ("prestart", "keystone-backend", "worker", "scheduler")  # the services of our image
RESET = object()  # what an overlay takes away


@dataclass(frozen=True)
class Override:
    """What an overlay puts in the place of all that was there."""

    value: Any


class _Loader(yaml.SafeLoader):
    """Keeps the tags apart from what they stand at."""


class _Plain(yaml.SafeLoader):
    """Reads what is written, as if there were no tags."""


def _built(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    """What stands behind a tag."""
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else None


def _reset(_loader: yaml.SafeLoader, _node: yaml.Node) -> object:
    return RESET


def _override(loader: yaml.SafeLoader, node: yaml.Node) -> Override:
    return Override(_built(loader, node))


_Loader.add_constructor("!reset", _reset)
_Loader.add_constructor("!override", _override)
_Plain.add_constructor("!reset", _built)
_Plain.add_constructor("!override", _built)


def read(path: Path) -> dict[str, Any]:
    """A file, with `RESET` and `Override` where its tags are."""
    found: dict[str, Any] = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506 - it is a SafeLoader
    return found


def without_tags(path: Path) -> str:
    """A file's text as other programs can read it."""
    return yaml.safe_dump(yaml.load(path.read_text(), Loader=_Plain))  # noqa: S506 - it is a SafeLoader


def value(found: Any) -> Any:
    """What stands at a key, whether or not it is tagged."""
    return found.value if isinstance(found, Override) else found


def environment(path: Path, service: str) -> dict[str, str]:
    """The variables that a file gives one of its services."""
    found: dict[str, str] = value(read(path)["services"][service]["environment"])
    return found


def of_the_image() -> set[str]:
    """The variables that the image's entrypoint reads by itself."""
    return set(re.findall(r"\$\{([A-Z_]+):-", ENTRYPOINT.read_text()))

"""An import in a process of its own, slow enough to be ended in the middle: `FILE [--partial] [--resume]`."""

import sys
import time
from pathlib import Path
from typing import Any

import django

CHUNK = 25


def main() -> None:
    """Import groups."""
    django.setup()
    from django.contrib.auth.models import Group
    from import_export.resources import ModelResource

    from keystone.actors.actor import Actor
    from keystone.data.importing import run_import
    from keystone.data.outcomes import ImportOptions
    from keystone.data.registry import importer

    @importer("slow-groups")
    class SlowGroups(ModelResource):  # type: ignore[type-arg]  # at run time it takes no argument
        """Groups, a hundred in a second at most."""

        class Meta:
            model = Group
            import_id_fields = ("name",)
            fields = ("name",)

        def before_import_row(self, row: Any, **kwargs: Any) -> None:
            time.sleep(0.01)

    options = ImportOptions(
        file=Path(sys.argv[1]), partial="--partial" in sys.argv, resume="--resume" in sys.argv, chunk=CHUNK
    )
    outcome = run_import("slow-groups", options, by=Actor.cli())
    print(outcome.counts.written)


if __name__ == "__main__":
    main()

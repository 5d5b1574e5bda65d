"""The Django database engine `keystone.environment.embedded_postgres`: PostgreSQL's own, started when first needed."""

from typing import Any

from django.db.backends.postgresql import base

from keystone.environment import embedded_postgres


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL in the folder of the setting DATA_FOLDER; with FSYNC, commits wait for the disk."""

    def get_connection_params(self) -> dict[str, Any]:
        """Start or reattach the server, then connect to its socket."""
        self.settings_dict["HOST"] = embedded_postgres.start(
            self.settings_dict["DATA_FOLDER"],
            database=self.settings_dict["EMBEDDED_NAME"],
            fsync=self.settings_dict["FSYNC"],
        )
        self.settings_dict["PORT"] = "5432"  # not the PGPORT of somebody's shell
        self.settings_dict["USER"] = "postgres"
        params: dict[str, Any] = super().get_connection_params()
        return params

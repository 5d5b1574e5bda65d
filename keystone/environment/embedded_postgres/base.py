"""The Django database engine `keystone.environment.embedded_postgres`: PostgreSQL, started when first needed."""

from typing import Any

from django.db.backends.postgresql import base

from keystone.environment import embedded_postgres


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to PostgreSQL in the folder of the setting DATA_FOLDER. With FSYNC, commits wait for the disk."""

    def get_connection_params(self) -> dict[str, Any]:
        """Start or join the server, and return the parameters for connecting to its socket."""
        self.settings_dict["HOST"] = embedded_postgres.start(
            self.settings_dict["DATA_FOLDER"],
            database=self.settings_dict["EMBEDDED_NAME"],
            fsync=self.settings_dict["FSYNC"],
        )
        self.settings_dict["PORT"] = "5432"  # ignore the shell's PGPORT
        self.settings_dict["USER"] = "postgres"
        params: dict[str, Any] = super().get_connection_params()
        return params

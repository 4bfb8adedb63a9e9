"""A PostGIS database and a backup of its tables every day."""

import pulumi
from pulumi_postgis_backup import PostgisContainer, TableBackup

config = pulumi.Config()

database = PostgisContainer(
    "pg_spat",
    image=config.get("image"),
    container_name=config.get("containerName"),
    port=config.get_int("port"),
    password=config.require_secret("password"),
    backup_directory="./backups",
    init_scripts=["schema.sql"],
)

backup = TableBackup(
    "cbm",
    connection=database.connection,  # type: ignore[arg-type]  # or {"container": "pg_spat"} for a container that runs already
    tables=["dias_catalogue", "roi*_signatures"],
    repository="./backups",
    every="24h",
)

pulumi.export("location", backup.location)
pulumi.export("restore", backup.restore_command)

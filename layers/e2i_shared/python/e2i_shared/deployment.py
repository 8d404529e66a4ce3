"""What a deployment does to the database before new code takes traffic; on one machine, what ``e2i up`` does at its start."""

from __future__ import annotations

import json
from typing import Any

import psycopg

from e2i_shared import settings
from e2i_shared.db.migrate import bootstrap_database
from e2i_shared.db.queries import query
from e2i_shared.db.tools import sync_tools
from e2i_shared.tools._registry import catalogue

APP_ROLE, MLFLOW_ROLE = "e2i_app", "e2i_mlflow"


def prepare_database(admin_conninfo: str) -> str:
    """Create the database where it is missing, migrate it, synchronise the tool registry; return the application role's conninfo."""
    app_conninfo = bootstrap_database(admin_conninfo)
    owner = psycopg.conninfo.make_conninfo(app_conninfo, user=psycopg.conninfo.conninfo_to_dict(admin_conninfo)["user"])
    sync_tools(owner, [tool.describe(schemas=True) for tool in catalogue().values()])
    return app_conninfo


def deploy() -> dict[str, Any]:
    """Prepare the database named by this function's settings, and give each role the password of its secret.

    Raises ConfigurationError for a missing setting or an edited migration; running it again changes nothing.
    """
    from e2i_shared.aws import client, database_token

    read = settings.read(settings.MigrateSettings)
    admin = read.database_url
    if read.database_iam:
        admin = psycopg.conninfo.make_conninfo(admin, password=database_token(admin))
    prepare_database(admin)
    for role, arn in ((APP_ROLE, read.app_secret_arn), (MLFLOW_ROLE, read.mlflow_secret_arn)):
        if arn:
            secret = client("secretsmanager").get_secret_value(SecretId=arn)
            set_password(admin, role, json.loads(secret["SecretString"])["password"])
    return {"tools": sorted(catalogue())}


def set_password(admin_conninfo: str, role: str, password: str) -> None:
    """Set a role's password; the statement's text never holds it."""
    with psycopg.connect(admin_conninfo) as connection:
        connection.execute(query("migrations", "hold_password"), {"password": password, "role": role})
        connection.execute(query("migrations", "set_password"))

"""Adapters to AWS: workflows, events and objects. ``boto3`` is imported when the first of them is used."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from e2i_shared.api.datasets import UploadTicket
from e2i_shared.errors import ConfigurationError, NotFoundError
from e2i_shared.objects import TICKET_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

SPOOL_BYTES = 16 * 1024 * 1024


@cache
def client(service: str) -> Any:
    """Return this process's client of a service; short timeouts, three tries."""
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=2, read_timeout=5, retries={"max_attempts": 3, "mode": "standard"})
    return cast("Any", boto3).client(service, config=config)


def secret(arn: str) -> dict[str, str]:
    """Return a secret that is a JSON object of texts; raise ConfigurationError for another."""
    text = client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    try:
        return {str(name): str(value) for name, value in json.loads(text).items()}
    except (AttributeError, ValueError) as error:
        raise ConfigurationError("The secret is not a JSON object.", field="E2I_LLM_SECRET_ARN", got=arn) from error


def database_token(conninfo: str) -> str:
    """Return an IAM token (valid 15 minutes) that serves as the password of a connection string."""
    from psycopg.conninfo import conninfo_to_dict

    parts = conninfo_to_dict(conninfo)
    target = {"DBHostname": parts["host"], "Port": int(parts.get("port") or 5432), "DBUsername": parts["user"]}
    return str(client("rds").generate_db_auth_token(**target))


def execution_name(composition_id: str, attempt: int) -> str:
    """Return the execution's name: the composition's id, from the second attempt on with its number."""
    return composition_id if attempt == 1 else f"{composition_id}-{attempt}"


@dataclass(frozen=True, slots=True)
class StepFunctions:
    """The composition state machine."""

    state_machine_arn: str

    def start(self, tenant_id: str, composition_id: str, attempt: int = 1) -> None:
        """Start the execution named after the composition and its attempt; one that exists already is left alone."""
        step_functions = client("stepfunctions")
        ids: dict[str, str | int] = {"composition_id": composition_id, "tenant_id": tenant_id}
        payload = json.dumps(ids | ({"attempt": attempt} if attempt > 1 else {}))
        name = execution_name(composition_id, attempt)
        try:
            step_functions.start_execution(stateMachineArn=self.state_machine_arn, name=name, input=payload)
        except step_functions.exceptions.ExecutionAlreadyExists:
            return

    def stop(self, composition_id: str, attempt: int, cause: str) -> None:
        """Stop the execution of an attempt; one that was never started, or has ended, is left alone."""
        step_functions = client("stepfunctions")
        machine = self.state_machine_arn.replace(":stateMachine:", ":execution:")
        arn = f"{machine}:{execution_name(composition_id, attempt)}"
        try:
            step_functions.stop_execution(executionArn=arn, error="Cancelled", cause=cause)
        except step_functions.exceptions.ExecutionDoesNotExist:
            return


@dataclass(frozen=True, slots=True)
class StateMachine:
    """Any other state machine."""

    arn: str

    def start(self, job_id: str, payload: dict[str, Any]) -> None:
        """Start the execution named after a job; one that exists already is left alone."""
        step_functions = client("stepfunctions")
        try:
            step_functions.start_execution(stateMachineArn=self.arn, name=job_id, input=json.dumps(payload))
        except step_functions.exceptions.ExecutionAlreadyExists:
            return


@dataclass(frozen=True, slots=True)
class EventBridge:
    """The bus that others listen to."""

    bus: str

    def publish(self, events: Sequence[tuple[str, dict[str, Any]]]) -> Sequence[bool]:
        """Publish up to ten (detail type, detail) pairs; say of each whether the bus took it."""
        entries = [
            {"Source": "e2i", "DetailType": kind, "Detail": json.dumps(detail), "EventBusName": self.bus}
            for kind, detail in events
        ]
        reply = client("events").put_events(Entries=entries)
        return ["ErrorCode" not in entry for entry in reply["Entries"]]


@dataclass(frozen=True, slots=True)
class BucketObjects:
    """Objects in S3."""

    bucket: str

    def ticket(self, key: str) -> UploadTicket:
        """Return a presigned PUT address."""
        parameters = {"Bucket": self.bucket, "Key": key}
        url = client("s3").generate_presigned_url("put_object", Params=parameters, ExpiresIn=TICKET_SECONDS)
        return UploadTicket(upload_key=key, url=url, expires_in_seconds=TICKET_SECONDS)

    def open(self, key: str) -> BinaryIO:
        """Download to a spooled file; raise NotFoundError."""
        s3 = client("s3")
        spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - the caller closes what it was handed
        try:
            s3.download_fileobj(self.bucket, key, spool)
        except s3.exceptions.ClientError as error:
            spool.close()
            raise NotFoundError("There is no upload of that key.", field="upload_key", got=key) from error
        spool.seek(0)
        return cast("BinaryIO", spool)

    def put(self, key: str, body: bytes) -> None:
        """Write an object."""
        client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)

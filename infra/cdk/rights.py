"""What each named right of a function description grants, and nothing more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_cdk import aws_events as events

    from infra.cdk.stacks.data import DataStack


@dataclass(frozen=True, slots=True)
class Resources:
    """What rights are about."""

    data: DataStack
    bus: events.EventBus
    state_machine_arn: str
    training_machine_arn: str
    queues: tuple[str, ...]  # their ARNs; a dead-letter queue's ends in -dlq
    mlflow_server: str | None


def _database(fn: iam.IGrantable, to: Resources) -> None:
    to.data.proxy.grant_connect(fn, "e2i_app")


def _database_admin(fn: iam.IGrantable, to: Resources) -> None:
    to.data.proxy.grant_connect(fn, "e2i_admin")
    for secret in (to.data.app_secret, to.data.mlflow_secret):
        _allow(fn, "secretsmanager:GetSecretValue", secret.secret_arn)
    _allow(fn, "kms:Decrypt", to.data.key.key_arn)


def _experiment_log(fn: iam.IGrantable, to: Resources) -> None:
    if to.mlflow_server is None:  # a server of one's own asks for no right here
        to.data.proxy.grant_connect(fn, "e2i_mlflow")


def _language_models(fn: iam.IGrantable, to: Resources) -> None:
    _allow(fn, "secretsmanager:GetSecretValue", to.data.language_model_keys.secret_arn)
    _allow(fn, "kms:Decrypt", to.data.key.key_arn)


def _redrive(fn: iam.IGrantable, to: Resources) -> None:
    for queue in to.queues:
        _allow(fn, "sqs:GetQueueUrl", queue)
        _allow(fn, "sqs:SendMessage", queue)
        for action in ("GetQueueUrl", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"):
            _allow(fn, f"sqs:{action}", f"{queue}-dlq")


def _allow(who: iam.IGrantable, action: str, resource: str) -> None:
    who.grant_principal.add_to_principal_policy(iam.PolicyStatement(actions=[action], resources=[resource]))


def _start_workflow(fn: iam.IGrantable, to: Resources) -> None:
    _allow(fn, "states:StartExecution", to.state_machine_arn)


def _stop_workflow(fn: iam.IGrantable, to: Resources) -> None:
    _allow(fn, "states:StopExecution", f"{to.state_machine_arn.replace(':stateMachine:', ':execution:')}:*")


def _start_training(fn: iam.IGrantable, to: Resources) -> None:
    _allow(fn, "states:StartExecution", to.training_machine_arn)


def _objects(fn: iam.IGrantable, to: Resources, object_action: str, key_action: str) -> None:
    _allow(fn, object_action, to.data.bucket.arn_for_objects("*"))
    _allow(fn, key_action, to.data.key.key_arn)


def _objects_read(fn: iam.IGrantable, to: Resources) -> None:
    _objects(fn, to, "s3:GetObject", "kms:Decrypt")


def _objects_write(fn: iam.IGrantable, to: Resources) -> None:
    _objects(fn, to, "s3:PutObject", "kms:GenerateDataKey")


def _publish_events(fn: iam.IGrantable, to: Resources) -> None:
    to.bus.grant_put_events_to(fn)


GRANTS: dict[str, Callable[[iam.IGrantable, Resources], None]] = {
    "database": _database,
    "database_admin": _database_admin,
    "experiment_log": _experiment_log,
    "language_models": _language_models,
    "redrive": _redrive,
    "start_workflow": _start_workflow,
    "start_training": _start_training,
    "stop_workflow": _stop_workflow,
    "objects_read": _objects_read,
    "objects_write": _objects_write,
    "publish_events": _publish_events,
}


def grant(fn: iam.IGrantable, rights: tuple[str, ...], to: Resources) -> None:
    """Give a function, or the role of its container task, its rights; an unknown right fails synthesis."""
    for right in rights:
        GRANTS[right](fn, to)

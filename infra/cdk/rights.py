"""What each named right of a function description grants, and nothing more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_cdk import aws_events as events
    from aws_cdk import aws_lambda as lambda_

    from infra.cdk.stacks.data import DataStack


@dataclass(frozen=True, slots=True)
class Resources:
    """What rights are about."""

    data: DataStack
    bus: events.EventBus
    state_machine_arn: str


def _database(fn: lambda_.Function, to: Resources) -> None:
    to.data.proxy.grant_connect(fn, "e2i_app")


def _database_admin(fn: lambda_.Function, to: Resources) -> None:
    to.data.proxy.grant_connect(fn, "e2i_admin")
    secret = to.data.app_secret.secret_arn
    fn.add_to_role_policy(iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[secret]))
    fn.add_to_role_policy(iam.PolicyStatement(actions=["kms:Decrypt"], resources=[to.data.key.key_arn]))


def _start_workflow(fn: lambda_.Function, to: Resources) -> None:
    fn.add_to_role_policy(iam.PolicyStatement(actions=["states:StartExecution"], resources=[to.state_machine_arn]))


def _stop_workflow(fn: lambda_.Function, to: Resources) -> None:
    executions = f"{to.state_machine_arn.replace(':stateMachine:', ':execution:')}:*"
    fn.add_to_role_policy(iam.PolicyStatement(actions=["states:StopExecution"], resources=[executions]))


def _objects(fn: lambda_.Function, to: Resources, object_action: str, key_action: str) -> None:
    bucket = to.data.bucket
    fn.add_to_role_policy(iam.PolicyStatement(actions=[object_action], resources=[bucket.arn_for_objects("*")]))
    fn.add_to_role_policy(iam.PolicyStatement(actions=[key_action], resources=[to.data.key.key_arn]))


def _objects_read(fn: lambda_.Function, to: Resources) -> None:
    _objects(fn, to, "s3:GetObject", "kms:Decrypt")


def _objects_write(fn: lambda_.Function, to: Resources) -> None:
    _objects(fn, to, "s3:PutObject", "kms:GenerateDataKey")


def _publish_events(fn: lambda_.Function, to: Resources) -> None:
    to.bus.grant_put_events_to(fn)


GRANTS: dict[str, Callable[[lambda_.Function, Resources], None]] = {
    "database": _database,
    "database_admin": _database_admin,
    "start_workflow": _start_workflow,
    "stop_workflow": _stop_workflow,
    "objects_read": _objects_read,
    "objects_write": _objects_write,
    "publish_events": _publish_events,
}


def grant(fn: lambda_.Function, rights: tuple[str, ...], to: Resources) -> None:
    """Give a function its rights; an unknown right fails synthesis."""
    for right in rights:
        GRANTS[right](fn, to)

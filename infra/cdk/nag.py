"""cdk-nag's AwsSolutions rules, and each acknowledged finding with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

if TYPE_CHECKING:
    from constructs import IConstruct

    from infra.cdk.stages import Stage

_MANAGED = "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/{}]"
EVERYWHERE = {
    _MANAGED.format(
        "AWSLambdaBasicExecutionRole"
    ): "It holds the right to write the function's own logs, nothing else.",
    _MANAGED.format("AWSLambdaVPCAccessExecutionRole"): "It holds the network interface rights of a function in a VPC.",
    "IAM5[Resource::*]": "Log delivery and X-Ray actions of Step Functions cannot be restricted to a resource.",
    "IAM5[Resource::{prefix}-data:ExportsOutputFnGetAttObjectsA92BA4F1ArnDE4464BF/*]": "Object keys of our own bucket.",
    "IAM5[Resource::{prefix}-service:ExportsOutputFnGetAttComposeStepFunctionC57B9393ArnA4454BDF:*]": (
        "Versions of our own function."
    ),
    "IAM5[Resource::{prefix}-service:ExportsOutputFnGetAttRunToolFunction81453969ArnF5122E3A:*]": (
        "Versions of our own function."
    ),
    "IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:e2i-{stage}-compose:*]": (
        "Executions of our own state machine, which are named when they start."
    ),
    "IAM5[Resource::{prefix}-service:ExportsOutputFnGetAttTrainTwinFunction8CAEF762Arn10108321:*]": (
        "Versions of our own function."
    ),
    "IAM5[Resource::arn:<AWS::Partition>:ecs:<AWS::Region>:<AWS::AccountId>:task/<ClusterEB0386A7>/*]": (
        "Tasks of our own cluster get their ids when they start."
    ),
    "ECS2": "The task's variables are names and addresses; it takes no secret, its database password is an IAM token.",
    "SMG4": (
        "The database's secrets rotate; a provider's key is made in the provider's console and cannot rotate by itself."
    ),
    "L1": "Functions run on Python 3.13, the newest version that the test matrix runs.",
    "APIG4": "Health, readiness, the OpenAPI document and its page are public by design and return no tenant's data.",
    "EC23": "The rule cannot read the VPC's CIDR token of endpoint security groups; they admit the VPC alone.",
}
WITHOUT_KEPT_DATA = {"RDS10": "A stage that keeps no data is removed by its stack, so its cluster is not protected."}


def check(app: cdk.App, stage: Stage) -> None:
    """Run the rules at synthesis; a finding that is not acknowledged fails it."""
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    reasons = EVERYWHERE if stage.keep_data else EVERYWHERE | WITHOUT_KEPT_DATA
    for rule, reason in reasons.items():
        _acknowledge(app, rule.replace("{prefix}", f"E2I-{stage.name}").replace("{stage}", stage.name), reason)


def _acknowledge(scope: IConstruct, rule: str, reason: str) -> None:
    acknowledgment = cdk.Acknowledgment(id=f"AwsSolutions::AwsSolutions-{rule}", reason=reason)
    cdk.Validations.of(scope).acknowledge(acknowledgment)

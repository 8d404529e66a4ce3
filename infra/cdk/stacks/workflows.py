"""The state machines, from their ASL files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn

from infra.cdk.node import ROOT
from infra.cdk.stacks.service import state_machine_name

if TYPE_CHECKING:
    from constructs import Construct

    from infra.cdk.stacks.service import ServiceStack
    from infra.cdk.stages import Stage

COMPOSE = ROOT / "infra" / "workflows" / "compose.asl.json"
TASK_FUNCTIONS = ("compose_step", "run_tool")


class WorkflowStack(cdk.Stack):
    """The composition workflow as a Standard state machine with logs and traces."""

    def __init__(
        self, scope: Construct, name: str, *, stage: Stage, service: ServiceStack, env: cdk.Environment
    ) -> None:
        super().__init__(scope, name, env=env)
        functions = {key: service.functions[key] for key in TASK_FUNCTIONS}
        self.compose = sfn.StateMachine(
            self,
            "Compose",
            state_machine_name=state_machine_name(stage),
            state_machine_type=sfn.StateMachineType.STANDARD,
            definition_body=sfn.DefinitionBody.from_file(str(COMPOSE)),
            definition_substitutions={key: fn.function_arn for key, fn in functions.items()},
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=logs.LogGroup(
                    self,
                    "ComposeLogs",
                    log_group_name=f"/aws/vendedlogs/states/e2i-{stage.name}-compose",
                    retention=logs.RetentionDays.ONE_MONTH,
                ),
                level=sfn.LogLevel.ALL,
                include_execution_data=False,
            ),
        )
        for fn in functions.values():
            fn.grant_invoke(self.compose)

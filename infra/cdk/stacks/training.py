"""Training: the container task for large data sets, and the state machine that chooses it or the function."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn

from infra.cdk import assets, rights
from infra.cdk.node import ROOT
from infra.cdk.stacks.service import state_machine_name
from infra.functions import all_functions

if TYPE_CHECKING:
    from constructs import Construct

    from infra.cdk.stacks.network import NetworkStack
    from infra.cdk.stacks.service import ServiceStack
    from infra.cdk.stages import Stage
    from infra.functions import FunctionDescription, Task

MACHINE = "train_twin"
DEFINITION = ROOT / "infra" / "workflows" / f"{MACHINE}.asl.json"


class TrainingStack(cdk.Stack):
    """Everything between the training queue and a trained twin."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: Stage,
        network: NetworkStack,
        service: ServiceStack,
        env: cdk.Environment,
    ) -> None:
        super().__init__(scope, name, env=env)
        (self._description,) = [each for each in all_functions() if each.name == MACHINE]
        self.cluster = ecs.Cluster(
            self, "Cluster", vpc=network.vpc, container_insights_v2=ecs.ContainerInsights.ENABLED
        )
        self.task = self._task(service)
        function = service.functions[MACHINE]
        subnets = network.vpc.select_subnets(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED).subnet_ids
        self.machine = sfn.StateMachine(
            self,
            "Train",
            state_machine_name=state_machine_name(stage, MACHINE),
            state_machine_type=sfn.StateMachineType.STANDARD,
            definition_body=sfn.DefinitionBody.from_file(str(DEFINITION)),
            definition_substitutions={
                MACHINE: function.function_arn,
                "cluster": self.cluster.cluster_arn,
                f"{MACHINE}_task": self.task.task_definition_arn,
                "subnets": cdk.Fn.join(",", subnets),
                "security_group": network.functions_group.security_group_id,
            },
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=logs.LogGroup(
                    self,
                    "TrainLogs",
                    log_group_name=f"/aws/vendedlogs/states/e2i-{stage.name}-{MACHINE}",
                    retention=logs.RetentionDays.ONE_MONTH,
                ),
                level=sfn.LogLevel.ALL,
                include_execution_data=False,
            ),
        )
        function.grant_invoke(self.machine)
        self._let_run_tasks()

    def _task(self, service: ServiceStack) -> ecs.FargateTaskDefinition:
        spec = _task_of(self._description)
        task = ecs.FargateTaskDefinition(
            self,
            "Task",
            cpu=spec.cpu,
            memory_limit_mib=spec.memory_mb,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64, operating_system_family=ecs.OperatingSystemFamily.LINUX
            ),
        )
        task.add_container(
            self._description.name,
            container_name=self._description.name,
            image=assets.image_for_tasks(self._description.name),
            entry_point=["python", "-m", spec.module],
            command=[],
            working_directory="/var/task",
            environment=service.variables_of(self._description),
            logging=ecs.LogDrivers.aws_logs(
                stream_prefix=self._description.name,
                log_group=logs.LogGroup(self, "TaskLogs", retention=logs.RetentionDays.ONE_MONTH),
            ),
        )
        rights.grant(task.task_role, self._description.rights, service.resources)
        return task

    def _let_run_tasks(self) -> None:
        """Let the machine run this one task, wait for its end, and hand it its roles."""
        roles = [self.task.task_role.role_arn]
        if self.task.execution_role:
            roles.append(self.task.execution_role.role_arn)
        rule = self.format_arn(service="events", resource="rule", resource_name="StepFunctionsGetEventsForECSTaskRule")
        allowed = (
            (["ecs:RunTask"], [self.task.task_definition_arn]),
            (["ecs:StopTask", "ecs:DescribeTasks"], [self._tasks_of_the_cluster()]),
            (["events:PutTargets", "events:PutRule", "events:DescribeRule"], [rule]),
            (["iam:PassRole"], roles),
        )
        for actions, resources in allowed:
            self.machine.add_to_role_policy(iam.PolicyStatement(actions=actions, resources=resources))

    def _tasks_of_the_cluster(self) -> str:
        return self.format_arn(service="ecs", resource="task", resource_name=f"{self.cluster.cluster_name}/*")


def _task_of(description: FunctionDescription) -> Task:
    if description.task is None:
        message = f"{description.name} has no container task"
        raise ValueError(message)
    return description.task

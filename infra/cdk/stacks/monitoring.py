"""Alarms and the dashboard, from one list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

if TYPE_CHECKING:
    from constructs import Construct

    from infra.cdk.stacks.service import ServiceStack
    from infra.cdk.stacks.training import TrainingStack
    from infra.cdk.stacks.workflows import WorkflowStack
    from infra.cdk.stages import Stage

TIMEOUT_SHARE = 0.8  # an alarm rings when p99 passes this share of a function's timeout


class MonitoringStack(cdk.Stack):
    """Failures, throttles, dead letters and slow functions."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: Stage,
        service: ServiceStack,
        workflows: WorkflowStack,
        training: TrainingStack,
        env: cdk.Environment,
    ) -> None:
        super().__init__(scope, name, env=env)
        key = kms.Key(self, "Key", enable_key_rotation=True)
        self.topic = sns.Topic(self, "Alarms", master_key=key, enforce_ssl=True)
        self.dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=f"e2i-{stage.name}")
        self._workflow_alarms(workflows)
        self._alarm("TrainingsFailing", training.machine.metric_failed(), 0)
        self._alarm("TwinsDegrading", self._degrading(), 0, points=(1, 1))  # the check runs once a day
        self._dead_letter_alarms(service)
        for function_name, fn in service.functions.items():
            self._function_alarms(function_name, fn)

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.Metric | cloudwatch.MathExpression,
        threshold: float,
        *,
        points: tuple[int, int] = (2, 3),
    ) -> None:
        """Add an alarm that rings when ``points`` (so many, of so many) lie above the threshold, and show it."""
        alarm = cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            threshold=threshold,
            evaluation_periods=points[1],
            datapoints_to_alarm=points[0],
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        self.dashboard.add_widgets(cloudwatch.AlarmWidget(alarm=alarm, title=name, width=8))

    def _workflow_alarms(self, workflows: WorkflowStack) -> None:
        machine = workflows.compose
        failed = cloudwatch.MathExpression(
            expression="100 * (failed + late) / started",
            using_metrics={
                "failed": machine.metric_failed(),
                "late": machine.metric_timed_out(),
                "started": machine.metric_started(),
            },
            label="failed compositions, %",
        )
        self._alarm("CompositionsFailing", failed, 20)
        self._alarm("WorkflowThrottled", machine.metric_throttled(), 0)

    def _degrading(self) -> cloudwatch.Metric:
        """Return the count of twins whose recent errors are half again those before."""
        return cloudwatch.Metric(
            namespace="E2I",
            metric_name="FidelityAlerts",
            dimensions_map={"severity": "critical"},
            statistic="Sum",
            period=cdk.Duration.days(1),
        )

    def _dead_letter_alarms(self, service: ServiceStack) -> None:
        for queue in service.dead_letters:
            self._alarm(f"{queue.node.id}", queue.metric_approximate_number_of_messages_visible(), 0)

    def _function_alarms(self, name: str, fn: cdk.aws_lambda.Function) -> None:
        timeout = fn.timeout.to_milliseconds() if fn.timeout else 0
        self._alarm(f"{name}Throttled", fn.metric_throttles(), 0)
        self._alarm(f"{name}Errors", fn.metric_errors(), 5)
        self._alarm(f"{name}Slow", fn.metric_duration(statistic="p99"), TIMEOUT_SHARE * timeout)

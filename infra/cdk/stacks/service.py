"""The HTTP API, the functions, their queues, rules and schedules: one construct per entry of ``infra/functions``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as api
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from aws_cdk import triggers
from e2i_shared.errors import ConfigurationError
from e2i_shared.settings import variables

from infra.cdk import assets
from infra.cdk.rights import Resources, grant
from infra.functions import EventRule, FunctionDescription, all_functions, queue_names

if TYPE_CHECKING:
    from constructs import Construct

    from infra.cdk.stacks.data import DataStack
    from infra.cdk.stacks.network import NetworkStack
    from infra.cdk.stages import Stage


ACCESS_LOG_FORMAT = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "route": "$context.routeKey",
    "status": "$context.status",
    "latency": "$context.responseLatency",
    "error": "$context.integrationErrorMessage",
}


def state_machine_name(stage: Stage, machine: str = "compose") -> str:
    """Return a workflow's fixed name, so that functions can know its ARN before it exists."""
    return f"e2i-{stage.name}-{machine}"


class ServiceStack(cdk.Stack):
    """Everything a request passes through."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: Stage,
        network: NetworkStack,
        data: DataStack,
        env: cdk.Environment,
    ) -> None:
        super().__init__(scope, name, env=env)
        self.stage = stage
        self._network = network
        self._data = data
        self.bus = events.EventBus(self, "Bus", event_bus_name=f"e2i-{stage.name}")
        self._layers = [assets.shared_layer(self), assets.dependencies_layer(self)]
        self.resources = Resources(
            data=data,
            bus=self.bus,
            state_machine_arn=self._machine_arn("compose"),
            training_machine_arn=self._machine_arn("train_twin"),
            queues=tuple(self.format_arn(service="sqs", resource=self._queue_name(each)) for each in queue_names()),
            mlflow_server=self.node.try_get_context("mlflow_uri"),
        )
        self.users, self.client = self._user_pool()
        self.http_api = self._api()
        self.functions = {d.name: self._function(d) for d in all_functions()}
        self.dead_letters: list[sqs.Queue] = []
        for description in all_functions():
            self._connect(description, self.functions[description.name])

    def _machine_arn(self, machine: str) -> str:
        return self.format_arn(
            service="states",
            resource="stateMachine",
            resource_name=state_machine_name(self.stage, machine),
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )

    def _queue_name(self, name: str) -> str:
        return f"e2i-{self.stage.name}-{name}"

    def _user_pool(self) -> tuple[cognito.UserPool, cognito.UserPoolClient]:
        keep = cdk.RemovalPolicy.RETAIN if self.stage.keep_data else cdk.RemovalPolicy.DESTROY
        pool = cognito.UserPool(
            self,
            "Users",
            self_sign_up_enabled=False,
            sign_in_aliases=cognito.SignInAliases(email=True),
            mfa=cognito.Mfa.REQUIRED,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            feature_plan=cognito.FeaturePlan.PLUS,
            standard_threat_protection_mode=cognito.StandardThreatProtectionMode.FULL_FUNCTION,
            password_policy=cognito.PasswordPolicy(
                min_length=14, require_digits=True, require_lowercase=True, require_symbols=True, require_uppercase=True
            ),
            custom_attributes={
                "tenant_id": cognito.StringAttribute(mutable=False, max_len=36),
                "role": cognito.StringAttribute(mutable=True, max_len=10),
            },
            removal_policy=keep,
        )
        client = pool.add_client(
            "Cli",
            auth_flows=cognito.AuthFlow(user_srp=True),
            id_token_validity=cdk.Duration.hours(1),
            read_attributes=cognito.ClientAttributes().with_custom_attributes("tenant_id", "role"),
            prevent_user_existence_errors=True,
        )
        return pool, client

    def _api(self) -> api.HttpApi:
        http_api = api.HttpApi(
            self,
            "Api",
            api_name=f"e2i-{self.stage.name}",
            create_default_stage=False,
            default_authorizer=authorizers.HttpUserPoolAuthorizer("Jwt", self.users, user_pool_clients=[self.client]),
        )
        access_log = logs.LogGroup(self, "ApiAccess", retention=logs.RetentionDays.ONE_MONTH)
        stage = http_api.add_stage(
            "Live",
            stage_name="$default",
            auto_deploy=True,
            throttle=api.ThrottleSettings(rate_limit=self.stage.throttle_rate, burst_limit=self.stage.throttle_burst),
        )
        resource = cast("api.CfnStage", stage.node.default_child)
        resource.access_log_settings = api.CfnStage.AccessLogSettingsProperty(
            destination_arn=access_log.log_group_arn, format=json.dumps(ACCESS_LOG_FORMAT)
        )
        cdk.CfnOutput(self, "Url", value=stage.url)
        return http_api

    def variables_of(self, description: FunctionDescription) -> dict[str, str]:
        """Return what a function is told; raise ConfigurationError where it would start without a setting."""
        user = "e2i_admin" if "database_admin" in description.rights else "e2i_app"
        environment = {
            "E2I_STAGE": self.stage.name,
            "E2I_DATABASE_URL": self._data.database_url(user),
            "E2I_DATABASE_IAM": "true",
            "E2I_STATE_MACHINE_ARN": self.resources.state_machine_arn,
            "E2I_TRAINING_MACHINE_ARN": self.resources.training_machine_arn,
            "E2I_EVENT_BUS": self.bus.event_bus_name,
            "E2I_BUCKET": self._data.bucket.bucket_name,
            "E2I_ISSUER": self.users.user_pool_provider_url,
            "E2I_AUDIENCE": self.client.user_pool_client_id,
            "E2I_APP_SECRET_ARN": self._data.app_secret.secret_arn,
            "POWERTOOLS_SERVICE_NAME": description.name,
            "POWERTOOLS_METRICS_NAMESPACE": "E2I",
            **self._optional(description),
            **description.environment,
        }
        missing = set(variables(description.name)) - set(environment)
        if missing:
            raise ConfigurationError(f"{description.name} would start without {', '.join(sorted(missing))}.")
        return environment

    def _optional(self, description: FunctionDescription) -> dict[str, str]:
        """Return the settings with a default that a stage sets, of those that the function has."""
        server = self.resources.mlflow_server
        stage = self.stage.twins.variables() | self.stage.language_models.variables()
        stage |= {
            "E2I_LLM_SECRET_ARN": self._data.language_model_keys.secret_arn,
            "E2I_MLFLOW_URI": server or self._data.mlflow_uri(),
            "E2I_MLFLOW_IAM": str(server is None).lower(),
            "E2I_MLFLOW_ARTIFACTS": f"s3://{self._data.bucket.bucket_name}/mlflow",
            "E2I_MLFLOW_SECRET_ARN": self._data.mlflow_secret.secret_arn,
            "E2I_QUEUES": ",".join(queue_names()),
            "E2I_QUEUE_PREFIX": self._queue_name(""),
        }
        has = variables(description.name, required=False)
        return {name: value for name, value in stage.items() if name in has}

    def _function(self, description: FunctionDescription) -> lambda_.Function:
        construct = "".join(part.title() for part in description.name.split("_")) + "Function"
        log_group = logs.LogGroup(self, f"{construct}Logs", retention=_retention(self.stage.log_days))
        common: dict[str, Any] = {
            "description": description.summary,
            "memory_size": description.memory_mb,
            "timeout": cdk.Duration.seconds(description.timeout_seconds),
            "architecture": lambda_.Architecture.ARM_64,
            "environment": self.variables_of(description),
            "log_group": log_group,
            "logging_format": lambda_.LoggingFormat.JSON,
            "vpc": self._network.vpc,
            "vpc_subnets": self._network.subnets_of(description.rights),
            "security_groups": [self._network.functions_group],
        }
        fn: lambda_.Function
        if description.package == "image":
            fn = lambda_.DockerImageFunction(
                self, construct, code=assets.image_code(description.name), tracing=lambda_.Tracing.DISABLED, **common
            )
        else:
            fn = lambda_.Function(
                self,
                construct,
                runtime=assets.PYTHON,
                handler=description.handler,
                code=assets.function_code(description.name),
                layers=self._layers,
                snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS,
                **common,
            )
        grant(fn, description.rights, self.resources)
        return fn

    def _connect(self, description: FunctionDescription, fn: lambda_.Function) -> None:
        live = (
            fn
            if description.runs_on_deploy
            else lambda_.Alias(self, f"{fn.node.id}Live", alias_name="live", version=fn.current_version)
        )
        integration = integrations.HttpLambdaIntegration(f"{fn.node.id}Integration", live)
        for route in description.routes:
            self.http_api.add_routes(
                path=route.path,
                methods=[api.HttpMethod[route.method]],
                integration=integration,
                authorizer=api.HttpNoneAuthorizer() if route.public else None,
            )
        if description.queue:
            self._queue(description, live)
        if description.schedule:
            events.Rule(
                self,
                f"{fn.node.id}Schedule",
                schedule=events.Schedule.expression(description.schedule),
                targets=[targets.LambdaFunction(live)],
            )
        if description.runs_on_deploy:
            trigger = triggers.Trigger(
                self, f"{fn.node.id}OnDeploy", handler=fn, timeout=cdk.Duration.seconds(description.timeout_seconds)
            )
            trigger.execute_before(self.http_api)

    def _queue(self, description: FunctionDescription, live: lambda_.IFunction) -> None:
        spec = description.queue
        if spec is None:
            return
        dead = sqs.Queue(
            self,
            f"{spec.name}-dead-letters",
            queue_name=f"{self._queue_name(spec.name)}-dlq",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        queue = sqs.Queue(
            self,
            spec.name,
            queue_name=self._queue_name(spec.name),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            visibility_timeout=cdk.Duration.seconds(spec.visibility_seconds),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=spec.max_receives),
        )
        self.dead_letters.append(dead)
        live.add_event_source(
            sources.SqsEventSource(queue, batch_size=spec.batch_size, report_batch_item_failures=True)
        )
        for rule in description.event_rules:
            events.Rule(
                self,
                rule.name,
                event_bus=None if rule.machine else self.bus,
                event_pattern=events.EventPattern(
                    source=rule.pattern["source"],
                    detail_type=rule.pattern["detail-type"],
                    detail=self._detail(rule),
                ),
                targets=[targets.SqsQueue(queue)],
            )

    def _detail(self, rule: EventRule) -> dict[str, Any] | None:
        """Return what a rule asks of an event's detail; AWS's own events are those of one state machine."""
        if rule.machine is None:
            return rule.pattern.get("detail")
        return {**rule.pattern["detail"], "stateMachineArn": [self._machine_arn(rule.machine)]}


def _retention(days: int) -> logs.RetentionDays:
    names = {14: "TWO_WEEKS", 30: "ONE_MONTH", 400: "THIRTEEN_MONTHS"}
    return logs.RetentionDays[names[days]]

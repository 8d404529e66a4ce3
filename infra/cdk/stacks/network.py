"""The VPC: isolated subnets and endpoints; a way out only in a stage that asks language models, for the functions that do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs

if TYPE_CHECKING:
    from constructs import Construct

    from infra.cdk.stages import Stage

INTERFACE_ENDPOINTS = {
    "Secrets": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
    "StepFunctions": ec2.InterfaceVpcEndpointAwsService.STEP_FUNCTIONS,
    "Queues": ec2.InterfaceVpcEndpointAwsService.SQS,
    "Events": ec2.InterfaceVpcEndpointAwsService.EVENTBRIDGE,
    "Logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
    "Images": ec2.InterfaceVpcEndpointAwsService.ECR,
    "ImageLayers": ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
}


OUTWARD_SUBNETS = (
    ec2.SubnetConfiguration(
        name="public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=28, map_public_ip_on_launch=False
    ),
    ec2.SubnetConfiguration(name="outward", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=24),
)


class NetworkStack(cdk.Stack):
    """VPC, endpoints and the security group that every function carries."""

    def __init__(self, scope: Construct, name: str, *, stage: Stage, env: cdk.Environment) -> None:
        super().__init__(scope, name, env=env)
        self._outward = stage.language_models.used
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            max_azs=stage.availability_zones,
            nat_gateways=1 if self._outward else 0,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=22),
                *(OUTWARD_SUBNETS if self._outward else ()),
            ],
            flow_logs={
                "Rejected": ec2.FlowLogOptions(
                    destination=ec2.FlowLogDestination.to_cloud_watch_logs(
                        logs.LogGroup(
                            self,
                            "FlowLogs",
                            retention=logs.RetentionDays.ONE_MONTH,
                            removal_policy=cdk.RemovalPolicy.DESTROY,
                        )
                    ),
                    traffic_type=ec2.FlowLogTrafficType.REJECT,
                )
            },
        )
        self.vpc.add_gateway_endpoint("Objects", service=ec2.GatewayVpcEndpointAwsService.S3)
        self.functions_group = ec2.SecurityGroup(
            self,
            "Functions",
            vpc=self.vpc,
            description="E2I functions",
            allow_all_outbound=True,
        )
        for endpoint, service in INTERFACE_ENDPOINTS.items():
            self.vpc.add_interface_endpoint(endpoint, service=service)

    def subnets_of(self, rights: tuple[str, ...]) -> ec2.SubnetSelection:
        """Return where a function runs: what may ask language models has a way out, all else has none."""
        outward = self._outward and "language_models" in rights
        kind = ec2.SubnetType.PRIVATE_WITH_EGRESS if outward else ec2.SubnetType.PRIVATE_ISOLATED
        return ec2.SubnetSelection(subnet_type=kind)

"""Where state lives: Aurora PostgreSQL behind RDS Proxy, the object store, the key and the secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager

if TYPE_CHECKING:
    from constructs import Construct

    from infra.cdk.stacks.network import NetworkStack
    from infra.cdk.stages import Stage

POSTGRES = rds.AuroraPostgresEngineVersion.VER_18_4
APP_ROLE = "e2i_app"
MLFLOW_ROLE = "e2i_mlflow"
DATABASE = "e2i"


class DataStack(cdk.Stack):
    """The cluster (pgvector comes with a migration), its proxy with IAM authentication, and the bucket."""

    def __init__(
        self, scope: Construct, name: str, *, stage: Stage, network: NetworkStack, env: cdk.Environment
    ) -> None:
        super().__init__(scope, name, env=env)
        keep = cdk.RemovalPolicy.RETAIN if stage.keep_data else cdk.RemovalPolicy.DESTROY
        self.key = kms.Key(self, "Key", enable_key_rotation=True, removal_policy=keep)
        self.bucket = self._bucket(keep)
        self.cluster = self._cluster(stage, network, keep)
        self.app_secret = rds.DatabaseSecret(
            self, "AppSecret", username=APP_ROLE, encryption_key=self.key, master_secret=self.cluster.secret
        )
        self.app_secret.attach(self.cluster)
        self.cluster.add_rotation_multi_user("AppRotation", secret=self.app_secret)
        self.mlflow_secret = rds.DatabaseSecret(
            self, "MlflowSecret", username=MLFLOW_ROLE, encryption_key=self.key, master_secret=self.cluster.secret
        )
        self.mlflow_secret.attach(self.cluster)
        self.cluster.add_rotation_multi_user("MlflowRotation", secret=self.mlflow_secret)
        self.language_model_keys = secretsmanager.Secret(
            self,
            "LanguageModelKeys",
            description="Keys of language-model providers, set by hand: {anthropic, openai}.",
            encryption_key=self.key,
            secret_object_value={name: cdk.SecretValue.unsafe_plain_text("") for name in ("anthropic", "openai")},
            removal_policy=keep,
        )
        cdk.CfnOutput(self, "LanguageModelKeysArn", value=self.language_model_keys.secret_arn)
        self.proxy = self.cluster.add_proxy(
            "Proxy",
            secrets=[self._admin_secret(), self.app_secret, self.mlflow_secret],
            vpc=network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            iam_auth=True,
            require_tls=True,
        )
        self.proxy.connections.allow_from(network.functions_group, ec2.Port.tcp(5432), "functions")

    def database_url(self, user: str) -> str:
        """Return the libpq conninfo of the proxy without a password: IAM tokens take its place."""
        return f"host={self.proxy.endpoint} port=5432 dbname={DATABASE} user={user} sslmode=require"

    def mlflow_uri(self) -> str:
        """Return the address of MLflow's own schema, without a password."""
        return f"postgresql://{MLFLOW_ROLE}@{self.proxy.endpoint}:5432/{DATABASE}?sslmode=require"

    def _admin_secret(self) -> rds.DatabaseSecret:
        secret = self.cluster.secret
        if secret is None:
            message = "the cluster has no generated secret"
            raise ValueError(message)
        return secret  # type: ignore[return-value]  # the cluster's own secret is a DatabaseSecret behind ISecret

    def _bucket(self, keep: cdk.RemovalPolicy) -> s3.Bucket:
        logs = s3.Bucket(
            self,
            "AccessLogs",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            lifecycle_rules=[s3.LifecycleRule(expiration=cdk.Duration.days(90))],
            removal_policy=keep,
        )
        return s3.Bucket(
            self,
            "Objects",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            enforce_ssl=True,
            versioned=True,
            server_access_logs_bucket=logs,
            removal_policy=keep,
            lifecycle_rules=[
                s3.LifecycleRule(prefix="uploads/", expiration=cdk.Duration.days(7)),
                s3.LifecycleRule(abort_incomplete_multipart_upload_after=cdk.Duration.days(1)),
            ],
        )

    def _cluster(self, stage: Stage, network: NetworkStack, keep: cdk.RemovalPolicy) -> rds.DatabaseCluster:
        readers = [rds.ClusterInstance.serverless_v2("reader", scale_with_writer=True)] if stage.reader else []
        cluster = rds.DatabaseCluster(
            self,
            "Cluster",
            engine=rds.DatabaseClusterEngine.aurora_postgres(version=POSTGRES),
            credentials=rds.Credentials.from_generated_secret("e2i_admin", encryption_key=self.key),
            default_database_name=DATABASE,
            writer=rds.ClusterInstance.serverless_v2("writer"),
            readers=readers,
            serverless_v2_min_capacity=stage.min_capacity,
            serverless_v2_max_capacity=stage.max_capacity,
            vpc=network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            storage_encrypted=True,
            storage_encryption_key=self.key,
            iam_authentication=True,
            backup=rds.BackupProps(retention=cdk.Duration.days(stage.backup_days)),
            cloudwatch_logs_exports=["postgresql"],
            copy_tags_to_snapshot=True,
            deletion_protection=stage.keep_data,
            removal_policy=keep,
            parameters={"rds.force_ssl": "1"},
        )
        cluster.add_rotation_single_user()
        return cluster

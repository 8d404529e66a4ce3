"""``python -m infra.cdk.app [--stage dev|staging|prod]``: synthesise without credentials, network or Docker."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from infra.cdk import node as _node  # sets JSII_NODE before aws_cdk is imported

import aws_cdk as cdk  # isort: skip

from infra.cdk.nag import check  # isort: skip
from infra.cdk.stacks.data import DataStack  # isort: skip
from infra.cdk.stacks.monitoring import MonitoringStack  # isort: skip
from infra.cdk.stacks.network import NetworkStack  # isort: skip
from infra.cdk.stacks.service import ServiceStack  # isort: skip
from infra.cdk.stacks.training import TrainingStack  # isort: skip
from infra.cdk.stacks.workflows import WorkflowStack  # isort: skip
from infra.cdk.stages import STAGES  # isort: skip

if TYPE_CHECKING:
    from infra.cdk.stages import StageName


FEATURES = {"@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True}


def build(stage_name: StageName = "dev", *, outdir: str | None = None) -> cdk.App:
    """Return the app of one stage with all its stacks, unsynthesised."""
    stage = STAGES[stage_name]
    app = cdk.App(
        outdir=outdir or os.environ.get("E2I_CDK_OUT", str(_node.ROOT / "cdk.out")),
        analytics_reporting=False,
        context=FEATURES,
    )
    env = cdk.Environment(account=os.environ.get("CDK_DEFAULT_ACCOUNT"), region=os.environ.get("CDK_DEFAULT_REGION"))
    prefix = f"E2I-{stage.name}"
    network = NetworkStack(app, f"{prefix}-network", stage=stage, env=env)
    data = DataStack(app, f"{prefix}-data", stage=stage, network=network, env=env)
    service = ServiceStack(app, f"{prefix}-service", stage=stage, network=network, data=data, env=env)
    workflows = WorkflowStack(app, f"{prefix}-workflows", stage=stage, service=service, env=env)
    training = TrainingStack(app, f"{prefix}-training", stage=stage, network=network, service=service, env=env)
    MonitoringStack(
        app, f"{prefix}-monitoring", stage=stage, service=service, workflows=workflows, training=training, env=env
    )
    check(app, stage)
    return app


if __name__ == "__main__":
    build(os.environ.get("E2I_STAGE", "dev")).synth()  # type: ignore[arg-type]  # an unknown stage is a KeyError naming it

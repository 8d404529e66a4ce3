"""The code that a deployment ships: the shared layer, its dependencies, one folder per zip function, one image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_lambda as lambda_

from infra.cdk.node import ROOT

if TYPE_CHECKING:
    from constructs import Construct

DEPENDENCIES = ROOT / "dist" / "dependencies"  # built by `make package` from the lock file
PYTHON = lambda_.Runtime.PYTHON_3_13
NEVER_SHIPPED = ["**/__pycache__", "**/*.pyc"]


def only(*kept: str) -> list[str]:
    """Return ignore patterns (git syntax) that leave nothing of the checkout but ``kept`` folders or files."""
    patterns = ["/*"]
    for path in kept:
        parents = path.strip("/").split("/")
        for depth in range(1, len(parents)):
            parent = "/".join(parents[:depth])
            patterns += [f"!/{parent}", f"/{parent}/*"]
        patterns.append(f"!/{'/'.join(parents)}")
    return list(dict.fromkeys(patterns)) + NEVER_SHIPPED


def function_code(name: str) -> lambda_.Code:
    """Return the zip asset of one function: its folder alone."""
    return lambda_.Code.from_asset(
        str(ROOT), exclude=only("functions/__init__.py", f"functions/{name}"), ignore_mode=cdk.IgnoreMode.GIT
    )


def shared_layer(scope: Construct) -> lambda_.LayerVersion:
    """Return the layer with the package ``e2i_shared``."""
    return lambda_.LayerVersion(
        scope,
        "SharedLayer",
        code=lambda_.Code.from_asset(
            str(ROOT / "layers" / "e2i_shared"), exclude=NEVER_SHIPPED, ignore_mode=cdk.IgnoreMode.GIT
        ),
        compatible_runtimes=[PYTHON],
        compatible_architectures=[lambda_.Architecture.ARM_64],
        description="e2i_shared: the domain, its adapters and the SQL",
    )


def dependencies_layer(scope: Construct) -> lambda_.LayerVersion:
    """Return the layer with the locked third-party packages; warns when ``make package`` has not built it."""
    built = DEPENDENCIES.is_dir()
    layer = lambda_.LayerVersion(
        scope,
        "DependenciesLayer",
        code=lambda_.Code.from_asset(str(DEPENDENCIES))
        if built
        else lambda_.Code.from_asset(str(ROOT), exclude=only("uv.lock"), ignore_mode=cdk.IgnoreMode.GIT),
        compatible_runtimes=[PYTHON],
        compatible_architectures=[lambda_.Architecture.ARM_64],
        description="third-party packages of the zip functions, from uv.lock",
    )
    if not built:
        cdk.Annotations.of(layer).add_warning_v2(
            "e2i:unbuilt-dependencies", "dist/dependencies is missing: run `make package` before deploying."
        )
    return layer


def image_for_tasks(name: str) -> ecs.ContainerImage:
    """Return the same image for a container task."""
    return ecs.ContainerImage.from_asset(
        str(ROOT),
        file=f"functions/{name}/Dockerfile",
        exclude=only("functions/__init__.py", f"functions/{name}", "layers/e2i_shared", "pyproject.toml", "uv.lock"),
        ignore_mode=cdk.IgnoreMode.GIT,
        platform=ecr_assets.Platform.LINUX_ARM64,
    )


def image_code(name: str) -> lambda_.DockerImageCode:
    """Return the image of one function; its Dockerfile sits beside the handler and builds from the checkout."""
    return lambda_.DockerImageCode.from_image_asset(
        str(ROOT),
        file=f"functions/{name}/Dockerfile",
        exclude=only("functions/__init__.py", f"functions/{name}", "layers/e2i_shared", "pyproject.toml", "uv.lock"),
        ignore_mode=cdk.IgnoreMode.GIT,
        platform=ecr_assets.Platform.LINUX_ARM64,
    )

"""What the synthesised templates must hold, read from the description and not from CDK."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from e2i_shared import settings

from infra.cdk.stages import STAGES, LanguageModels, TwinSettings
from infra.functions import all_functions

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden"
BY_NAME = {f.name: f for f in all_functions()}


def of_type(resources: dict, kind: str) -> list[dict]:
    return [r["Properties"] for r in resources.values() if r["Type"] == kind]


def function_resource(service: dict, name: str) -> dict:
    construct = "".join(part.title() for part in name.split("_")) + "Function"
    found = [
        r["Properties"]
        for key, r in service.items()
        if r["Type"] == "AWS::Lambda::Function" and key.startswith(construct)
    ]
    assert len(found) == 1, name
    return found[0]


def test_the_six_stacks_are_synthesised(templates):
    assert set(templates) == {"network", "data", "service", "workflows", "training", "monitoring"}


def test_every_route_of_the_description_is_a_route_of_the_api_and_no_other(service):
    deployed = {r["RouteKey"] for r in of_type(service, "AWS::ApiGatewayV2::Route")}

    described = {f"{route.method} {route.path}" for f in all_functions() for route in f.routes}
    assert deployed == described


def test_a_route_needs_a_token_unless_it_is_public(service):
    public = {f"{r.method} {r.path}" for f in all_functions() for r in f.routes if r.public}

    for route in of_type(service, "AWS::ApiGatewayV2::Route"):
        expected = "NONE" if route["RouteKey"] in public else "JWT"
        assert route["AuthorizationType"] == expected, route["RouteKey"]


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_a_function_has_the_memory_timeout_and_package_of_its_description(service, name):
    deployed = function_resource(service, name)

    assert deployed["MemorySize"] == BY_NAME[name].memory_mb
    assert deployed["Timeout"] == BY_NAME[name].timeout_seconds
    assert deployed["Architectures"] == ["arm64"]
    assert deployed.get("PackageType", "Zip").lower() == BY_NAME[name].package
    if BY_NAME[name].package == "zip":
        assert deployed["Handler"] == BY_NAME[name].handler
        assert len(deployed["Layers"]) == 2


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_the_policy_of_a_function_is_the_reviewed_one(service, name):
    construct = "".join(part.title() for part in name.split("_")) + "Function"
    policies = [
        r["Properties"]["PolicyDocument"]["Statement"]
        for key, r in service.items()
        if r["Type"] == "AWS::IAM::Policy" and key.startswith(f"{construct}ServiceRole")
    ]

    found = json.dumps(policies, indent=1, sort_keys=True) + "\n"
    golden = GOLDEN / f"{name}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(found)
    assert golden.read_text() == found, f"review the change, then run UPDATE_GOLDEN=1 pytest {__file__}"


def test_no_policy_grants_every_action_or_every_resource(service):
    for policy in of_type(service, "AWS::IAM::Policy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert not [a for a in actions if a == "*" or a.endswith(":*")], statement
            assert statement["Resource"] != "*" or set(actions) <= {"xray:PutTraceSegments"}, statement


def test_the_state_machine_is_the_asl_file_with_the_functions_filled_in(templates):
    (machine,) = of_type(templates["workflows"]["Resources"], "AWS::StepFunctions::StateMachine")

    assert machine["StateMachineType"] == "STANDARD"
    assert machine["TracingConfiguration"] == {"Enabled": True}
    assert set(machine["DefinitionSubstitutions"]) == {"compose_step", "run_tool"}


def test_every_queue_has_a_dead_letter_queue_and_encryption(service):
    queues = of_type(service, "AWS::SQS::Queue")
    fed = [q for q in queues if "RedrivePolicy" in q]

    assert len(queues) == 2 * len(fed)
    assert all(q["RedrivePolicy"]["maxReceiveCount"] == 3 for q in fed)
    assert all(q["SqsManagedSseEnabled"] for q in queues)


def test_an_ended_execution_reaches_the_status_queue(service):
    rules = [
        r for r in of_type(service, "AWS::Events::Rule") if r.get("EventPattern", {}).get("source") == ["aws.states"]
    ]

    assert [r["EventPattern"]["detail"]["status"] for r in rules] == 2 * [["TIMED_OUT", "ABORTED", "FAILED"]]
    machines = json.dumps([r["EventPattern"]["detail"]["stateMachineArn"] for r in rules])
    assert "e2i-dev-compose" in machines
    assert "e2i-dev-train_twin" in machines


def test_what_is_asked_for_on_the_bus_reaches_its_queue(service):
    rules = [r for r in of_type(service, "AWS::Events::Rule") if r.get("EventPattern", {}).get("source") == ["e2i"]]

    assert {r["EventPattern"]["detail-type"][0] for r in rules} == {
        "training.requested",
        "training.log_requested",
        "simulation.requested",
    }
    assert all(r["EventBusName"] for r in rules)


def test_a_large_training_runs_as_a_container_task_with_the_rights_of_the_function(templates, service):
    training = templates["training"]["Resources"]
    (task,) = of_type(training, "AWS::ECS::TaskDefinition")
    (machine,) = of_type(training, "AWS::StepFunctions::StateMachine")
    actions = {
        action
        for policy in of_type(training, "AWS::IAM::Policy")
        for statement in policy["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }

    (container,) = task["ContainerDefinitions"]
    assert container["EntryPoint"] == ["python", "-m", "functions.train_twin.task"]
    assert task["RequiresCompatibilities"] == ["FARGATE"]
    assert set(machine["DefinitionSubstitutions"]) == {
        "train_twin",
        "train_twin_task",
        "cluster",
        "subnets",
        "security_group",
    }
    assert {"rds-db:connect", "s3:PutObject", "s3:GetObject", "ecs:RunTask", "iam:PassRole"} <= actions
    assert function_resource(service, "train_twin")["Timeout"] == 900


@pytest.mark.parametrize("stage", STAGES.values(), ids=list(STAGES))
def test_a_stage_s_settings_are_those_that_functions_read(stage):
    told = stage.twins.variables()
    known = {name: settings.variables(name, required=False) for name in settings.FUNCTIONS}
    assert all(any(variable in known[name] for name in known) for variable in told)
    needed = {"E2I_DATABASE_URL": "x", "E2I_EVENT_BUS": "x", "E2I_TRAINING_MACHINE_ARN": "x"}
    read = settings.parse(settings.DispatchTrainingSettings, needed | told)
    assert read.function_rows == stage.twins.function_rows
    assert settings.parse(settings.TrainTwinSettings, needed | told).training_threads == stage.twins.training_threads
    assert settings.parse(settings.SimulateSettings, needed | told).inline_twins == stage.twins.inline_twins
    checked = settings.parse(settings.FidelityCheckSettings, needed | told)
    assert checked.automatic_retraining is stage.twins.automatic_retraining


def test_every_setting_of_a_stage_is_one_that_a_function_reads_as_it_was_meant():
    stage = TwinSettings(
        automatic_retraining=True,
        function_rows=7,
        inline_twins=8,
        training_threads=3,
        min_effect_threshold=0.1,
        min_confidence=0.8,
        min_fidelity=0.9,
        most_weeks=26,
    )
    needed = {"E2I_DATABASE_URL": "x", "E2I_EVENT_BUS": "x", "E2I_TRAINING_MACHINE_ARN": "x"}
    names = ("simulate", "dispatch_training", "train_twin", "fidelity_check")
    read = [settings.parse(settings.FUNCTIONS[name], needed | stage.variables()) for name in names]
    for field, meant in asdict(stage).items():
        assert [getattr(each, field) for each in read if hasattr(each, field)] == [meant], field


def environment_of(service: dict, name: str) -> dict:
    return dict(function_resource(service, name)["Environment"]["Variables"])


def test_each_function_is_told_the_settings_of_its_stage_that_it_reads_and_no_other(service):
    dev = STAGES["dev"].twins.variables()
    for name in BY_NAME:
        told = environment_of(service, name)
        read = settings.variables(name, required=False)
        assert {n: v for n, v in told.items() if n in dev} == {n: v for n, v in dev.items() if n in read}, name


def test_trainings_are_logged_in_a_schema_of_their_own_with_a_token_for_a_password(service, templates):
    told = environment_of(service, "train_twin")
    (container,) = of_type(templates["training"]["Resources"], "AWS::ECS::TaskDefinition")[0]["ContainerDefinitions"]
    task = {each["Name"]: each["Value"] for each in container["Environment"]}

    for variables in (told, task):
        assert variables["E2I_MLFLOW_IAM"] == "true"
        address = json.dumps(variables["E2I_MLFLOW_URI"])
        assert "postgresql://e2i_mlflow@" in address
        assert "/e2i?sslmode=require" in address
        assert json.dumps(variables["E2I_MLFLOW_ARTIFACTS"]).count("/mlflow") == 1
    assert {name for name in BY_NAME if "E2I_MLFLOW_URI" in environment_of(service, name)} == {"train_twin"}


def test_only_training_and_its_task_connect_as_mlflow_s_role_and_the_proxy_knows_it(service, templates):
    def connects(resources: dict) -> list[str]:
        return [
            key
            for key, r in resources.items()
            if r["Type"] == "AWS::IAM::Policy" and "/e2i_mlflow" in json.dumps(r["Properties"]["PolicyDocument"])
        ]

    assert [key.partition("ServiceRole")[0] for key in connects(service)] == ["TrainTwinFunction"]
    assert [key.partition("TaskRole")[0] for key in connects(templates["training"]["Resources"])] == ["Task"]
    data = templates["data"]["Resources"]
    (proxy,) = of_type(data, "AWS::RDS::DBProxy")
    assert len(proxy["Auth"]) == 3
    assert "E2I_MLFLOW_SECRET_ARN" in environment_of(service, "migrate")
    assert '"e2i_mlflow' in json.dumps(of_type(data, "AWS::SecretsManager::Secret")).replace("\\", "")


def test_only_the_api_puts_dead_letters_back_and_by_the_names_the_queues_have(service):
    told = environment_of(service, "api")
    queues = {q["QueueName"] for q in of_type(service, "AWS::SQS::Queue")}

    assert {told["E2I_QUEUE_PREFIX"] + name for name in told["E2I_QUEUES"].split(",")} == {
        name for name in queues if not name.endswith("-dlq")
    }
    assert {f"{name}-dlq" for name in queues if not name.endswith("-dlq")} == {n for n in queues if n.endswith("-dlq")}
    actions = {
        key: json.dumps(r["Properties"]["PolicyDocument"])
        for key, r in service.items()
        if r["Type"] == "AWS::IAM::Policy" and "sqs:SendMessage" in json.dumps(r["Properties"]["PolicyDocument"])
    }
    assert [key.partition("ServiceRole")[0] for key in actions] == ["ApiFunction"]


ASKING = {"api", "classify", "compose_step"}


def test_only_the_functions_that_ask_language_models_read_their_keys_and_none_are_in_a_template(service, templates):
    reads = {
        key.partition("ServiceRole")[0]
        for key, r in service.items()
        if r["Type"] == "AWS::IAM::Policy" and "LanguageModelKeys" in json.dumps(r["Properties"]["PolicyDocument"])
    }
    told = {name for name in BY_NAME if "E2I_LLM_SECRET_ARN" in environment_of(service, name)}

    assert reads == {"".join(p.title() for p in name.split("_")) + "Function" for name in ASKING}
    assert told == ASKING
    assert {environment_of(service, name)["E2I_LLM_PROVIDERS"] for name in ASKING} == {""}
    (keys,) = [
        r["Properties"]
        for key, r in templates["data"]["Resources"].items()
        if r["Type"] == "AWS::SecretsManager::Secret" and key.startswith("LanguageModelKeys")
    ]
    assert json.loads(keys["SecretString"]) == {"anthropic": "", "openai": ""}
    assert "KmsKeyId" in keys
    names = {name for name in BY_NAME if any(n.endswith("API_KEY") for n in environment_of(service, name))}
    assert names == set()


@pytest.mark.parametrize("models", [LanguageModels(), LanguageModels("openai,anthropic", "openai", 5, 1, 0.1)])
def test_the_language_models_of_a_stage_are_settings_that_functions_read(models):
    needed = {name: "x" for function in ASKING for name in settings.variables(function)}
    for function in ASKING:
        read = settings.parse(settings.FUNCTIONS[function], needed | models.variables())
        assert (read.llm_providers, read.llm_embeddings) == (models.providers, models.embeddings)
        assert read.llm_composition_usd == models.composition_usd
        assert read.llm_tenant_daily_usd == models.tenant_daily_usd
        assert read.llm_user_daily_usd == models.user_daily_usd


def test_a_stage_with_language_models_lets_the_functions_that_ask_them_out_and_no_other(tmp_path):
    network, service = (synthesised_with_models(tmp_path)[name]["Resources"] for name in ("network", "service"))

    assert len(of_type(network, "AWS::EC2::NatGateway")) == 1
    outward = {name for name in BY_NAME if "outward" in json.dumps(function_resource(service, name)["VpcConfig"])}
    assert outward == ASKING
    assert environment_of(service, "classify")["E2I_LLM_PROVIDERS"] == "anthropic"


def synthesised_with_models(out: Path) -> dict[str, dict]:
    script = (
        "from dataclasses import replace; from infra.cdk import app, stages; "
        "stages.STAGES['dev'] = replace(stages.STAGES['dev'], language_models=stages.LanguageModels('anthropic')); "
        f"app.build(outdir={str(out)!r}).synth()"
    )
    made = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]
    files = out.glob("*.template.json")
    return {path.name.split(".")[0].rsplit("-", 1)[1]: json.loads(path.read_text()) for path in files}


def test_the_relay_runs_every_minute(service):
    schedules = [r["ScheduleExpression"] for r in of_type(service, "AWS::Events::Rule") if "ScheduleExpression" in r]

    assert sorted(schedules) == ["rate(1 day)", "rate(1 minute)"]


def test_the_database_is_encrypted_private_and_serverless(templates):
    (cluster,) = of_type(templates["data"]["Resources"], "AWS::RDS::DBCluster")
    (proxy,) = of_type(templates["data"]["Resources"], "AWS::RDS::DBProxy")

    assert cluster["StorageEncrypted"] is True
    assert cluster["EngineVersion"].startswith("18.")
    assert cluster["ServerlessV2ScalingConfiguration"]["MaxCapacity"] == STAGES["dev"].max_capacity
    assert proxy["RequireTLS"] is True
    assert {auth["IAMAuth"] for auth in proxy["Auth"]} == {"REQUIRED"}


def test_the_network_has_no_way_out_but_endpoints(templates):
    resources = templates["network"]["Resources"]
    kinds = {r["Type"] for r in resources.values()}

    assert "AWS::EC2::NatGateway" not in kinds
    assert "AWS::EC2::InternetGateway" not in kinds
    assert len(of_type(resources, "AWS::EC2::VPCEndpoint")) == 8


def test_there_is_an_alarm_for_dead_letters_throttles_and_failing_compositions(templates):
    alarms = templates["monitoring"]["Resources"]
    names = [key for key, r in alarms.items() if r["Type"] == "AWS::CloudWatch::Alarm"]

    assert any(n.startswith("CompositionsFailing") for n in names)
    assert any("deadletters" in n for n in names)
    assert sum("Throttled" in n for n in names) == len(BY_NAME) + 1


def test_a_twin_that_degrades_critically_rings_on_the_day_it_is_found(templates):
    alarms = of_type(templates["monitoring"]["Resources"], "AWS::CloudWatch::Alarm")
    (alarm,) = [each for each in alarms if each.get("MetricName") == "FidelityAlerts"]

    assert (alarm["Namespace"], alarm["Statistic"], alarm["Period"]) == ("E2I", "Sum", 86_400)
    assert alarm["Dimensions"] == [{"Name": "severity", "Value": "critical"}]
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"], alarm["Threshold"]) == (1, 1, 0)
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    assert alarm["AlarmActions"]


def test_a_function_asset_holds_its_own_folder_and_nothing_else(cloud_assembly, templates):
    assets = json.loads(next(cloud_assembly.glob("*service.assets.json")).read_text())["files"]
    folders = [
        {
            p.relative_to(cloud_assembly / a["source"]["path"]).as_posix()
            for p in (cloud_assembly / a["source"]["path"]).rglob("*.py")
        }
        for a in assets.values()
        if a["source"].get("packaging") == "zip"
    ]

    classify = [f for f in folders if any(p.startswith("functions/classify/") for p in f)]
    assert classify
    assert all(p == "functions/__init__.py" or p.startswith("functions/classify/") for f in classify for p in f)


def test_cfn_lint_finds_neither_error_nor_warning(cloud_assembly):
    found = subprocess.run(
        [
            str(Path(sys.executable).with_name("cfn-lint")),
            *map(str, cloud_assembly.glob("*.template.json")),
            "--ignore-checks",
            "W3005",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.returncode == 0, found.stdout

"""Who else is in the account: services, tasks, machines, a provider, roles, repositories, and other deployments of the
kit; and all that an account holds, as data that can be compared.
"""

import json
from collections.abc import Iterator
from typing import Any

from deploy.kit import cluster, destroy, repository, role, secrets, services
from deploy.kit.config import Config, load
from deploy.kit.variables import AWS, LOCAL
from tests.deploy.conftest import IMAGE, REGION, Account, variables

FAR = "eu-west-1"
TASK = {"family": "theirs", "containerDefinitions": [{"name": "theirs", "image": "theirs", "memory": 64}]}


def move_in(account: Account) -> None:
    """Others, in the cluster that will be adopted (it has no default strategy), and beside it."""
    ecs, name = account.client("ecs"), account.variables["CLUSTER_NAME"]
    group = _machines(account)
    scaling = {"autoScalingGroupArn": group, "managedScaling": {"status": "ENABLED"}}
    ecs.create_capacity_provider(name="theirs", autoScalingGroupProvider=scaling)
    ecs.create_cluster(clusterName=name, capacityProviders=["FARGATE_SPOT", "theirs"])
    task = ecs.register_task_definition(**TASK)["taskDefinition"]["taskDefinitionArn"]
    for number in range(12):
        count = {0: 3, 1: 0}.get(number, 1)
        about = {"serviceName": f"theirs-{number}", "taskDefinition": task, "desiredCount": count}
        ecs.create_service(cluster=name, **about)
    machine = account.client("ec2").run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)
    document = {"instanceId": machine["Instances"][0]["InstanceId"], "region": REGION}
    ecs.register_container_instance(cluster=name, instanceIdentityDocument=json.dumps(document))
    ecs.run_task(cluster=name, taskDefinition=task, launchType="EC2")
    account.client("logs").create_log_group(logGroupName="theirs")
    account.client("secretsmanager").create_secret(Name="theirs/password", SecretString="theirs")
    another = account.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]  # moto: one a VPC
    account.client("servicediscovery").create_private_dns_namespace(Name="theirs.internal", Vpc=another)
    account.client("sns").create_topic(Name="theirs")
    account.client("iam").create_role(RoleName="theirs", AssumeRolePolicyDocument="{}")
    account.client("ecr").create_repository(repositoryName="theirs")


def _machines(account: Account) -> str:
    """A group with a machine; its ARN."""
    scaling = account.client("autoscaling")
    scaling.create_launch_configuration(
        LaunchConfigurationName="theirs", ImageId="ami-12c6146b", InstanceType="m5.large"
    )
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="theirs",
        LaunchConfigurationName="theirs",
        MinSize=1,
        MaxSize=2,
        VPCZoneIdentifier=account.variables["SUBNETS"].split(",")[0],
    )
    [found] = scaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    return str(found["AutoScalingGroupARN"])


def deploy_another(account: Account, region: str, **given: str) -> Config:
    """Another deployment by the kit; the one beside up to its services."""
    config = load(AWS, LOCAL, environment=variables(account, region) | given)
    aws = account.aws(region=region)
    role.bring(aws, config)
    repository.uri(aws, config)
    secrets.put(aws, config)
    cluster.configure(aws, config)
    if region == REGION:
        _register(account, config)
        services.start(aws, config, IMAGE)
    return config


def move_out(account: Account, config: Config) -> None:
    """The end of another deployment."""
    region, name = config["AWS_REGION"], config["CLUSTER_NAME"]
    ecs = account.client("ecs", region)
    for arn in ecs.list_container_instances(cluster=name)["containerInstanceArns"]:
        ecs.deregister_container_instance(cluster=name, containerInstance=arn, force=True)
    destroy.everything(account.aws(region=region), config, {"CONFIRM": name})


def _register(account: Account, config: Config) -> None:
    region = config["AWS_REGION"]
    machine = account.client("ec2", region).run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)
    document = {"instanceId": machine["Instances"][0]["InstanceId"], "region": region}
    account.client("ecs", region).register_container_instance(
        cluster=config["CLUSTER_NAME"], instanceIdentityDocument=json.dumps(document)
    )


LISTS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "autoscaling": (("describe_auto_scaling_groups", "AutoScalingGroups", "AutoScalingGroupName"),),
    "ec2": (
        ("describe_security_groups", "SecurityGroups", "GroupId"),
        ("describe_instances", "Reservations", "ReservationId"),
        ("describe_launch_templates", "LaunchTemplates", "LaunchTemplateName"),
        ("describe_vpcs", "Vpcs", "VpcId"),
    ),
    "cloudformation": (("describe_stacks", "Stacks", "StackName"),),
    "ecr": (("describe_repositories", "repositories", "repositoryName"),),
    "elbv2": (("describe_load_balancers", "LoadBalancers", "LoadBalancerArn"),),
    "logs": (("describe_log_groups", "logGroups", "logGroupName"),),
    "rds": (("describe_db_instances", "DBInstances", "DBInstanceIdentifier"),),
    "secretsmanager": (("list_secrets", "SecretList", "Name"),),
    "servicediscovery": (("list_namespaces", "Namespaces", "Id"), ("list_services", "Services", "Id")),
    "sns": (("list_topics", "Topics", "TopicArn"),),
}


def state(account: Account) -> dict[str, Any]:
    """All that the account holds in both regions, each thing by its kind and name."""
    found: dict[str, Any] = dict(_identities(account))
    for region in (REGION, FAR):
        for service, lists in LISTS.items():
            for operation, key, name in lists:
                for one in getattr(account.client(service, region), operation)()[key]:
                    found[f"{region} {service} {key} {one[name]}"] = one
        for arn, value in _of_ecs(account.client("ecs", region)):
            found[f"{region} {arn}"] = value
        for one in account.client("secretsmanager", region).list_secrets()["SecretList"]:
            kept = account.client("secretsmanager", region).get_secret_value(SecretId=one["Name"])
            found[f"{region} {one['Name']}'s value"] = kept["SecretString"]
            for volatile in ("LastAccessedDate", "LastChangedDate"):
                found[f"{region} secretsmanager SecretList {one['Name']}"].pop(volatile, None)
    return found


def _of_ecs(ecs: Any) -> Iterator[tuple[str, Any]]:
    for one in ecs.describe_capacity_providers(capacityProviders=["theirs"])["capacityProviders"]:
        yield one["capacityProviderArn"], one
    for arn in ecs.list_clusters()["clusterArns"]:
        [here] = ecs.describe_clusters(clusters=[arn], include=["TAGS"])["clusters"]
        here.setdefault("defaultCapacityProviderStrategy", [])
        yield arn, {name: value for name, value in here.items() if not name.endswith("Count")}
        names = ecs.list_services(cluster=arn)["serviceArns"]
        for first in range(0, len(names), 10):
            for one in ecs.describe_services(cluster=arn, services=names[first : first + 10])["services"]:
                yield one["serviceArn"], (one["desiredCount"], one["taskDefinition"], one["status"])
        for machine in ecs.list_container_instances(cluster=arn)["containerInstanceArns"]:
            yield machine, "registered"
        for task in ecs.list_tasks(cluster=arn)["taskArns"]:
            yield task, "is there"


def _identities(account: Account) -> Iterator[tuple[str, Any]]:
    iam = account.client("iam")
    for one in iam.list_roles()["Roles"]:
        name = one["RoleName"]
        yield (
            f"role {name}",
            [
                one["AssumeRolePolicyDocument"],
                iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"],
                iam.list_role_policies(RoleName=name)["PolicyNames"],
                iam.list_role_tags(RoleName=name)["Tags"],
            ],
        )
    for one in iam.list_instance_profiles()["InstanceProfiles"]:
        yield f"profile {one['InstanceProfileName']}", [role["RoleName"] for role in one["Roles"]]

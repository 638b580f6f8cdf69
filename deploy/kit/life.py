"""What piles up over years, and how much of it is kept: images, revisions of task definitions. Of logs: logs.py."""

import json

from deploy.kit import cluster, ownership
from deploy.kit.aws import Aws, look
from deploy.kit.config import Config

KEEP_IMAGES = 100
KEEP_REVISIONS = 10
"""Of a family: to those a deployment can go back."""
FAMILIES = ("code", "daemon", "webserver", "read-only", "pages", "watch", "run")
POLICY = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "what no tag names any more",
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 1,
            },
            "action": {"type": "expire"},
        },
        {
            "rulePriority": 2,
            "description": "the newest ones alone",
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": KEEP_IMAGES},
            "action": {"type": "expire"},
        },
    ]
}


def images(aws: Aws, config: Config) -> None:
    """The repository's lifecycle policy, if the kit made it and it has none: another may be a person's own."""
    name = config["ECR_REPO"]
    found = None if ".dkr.ecr." in name else look(aws, "ecr", "describe_repositories", repositoryNames=[name])
    if found is None:
        return
    arn = found["repositories"][0]["repositoryArn"]
    tags = aws.read("ecr", "list_tags_for_resource", resourceArn=arn)["tags"]
    if not ownership.is_ours(config, tags, named=False):
        return
    if look(aws, "ecr", "get_lifecycle_policy", repositoryName=name) is None:
        what = f"keep the newest {KEEP_IMAGES} images of {name}"
        policy = {"repositoryName": name, "lifecyclePolicyText": json.dumps(POLICY)}
        aws.change(what, "ecr", "put_lifecycle_policy", **policy)


def revisions(aws: Aws, config: Config, keep: int = KEEP_REVISIONS) -> None:
    """Deregister all but the newest of each family; never one that a service or a task has."""
    used = _used(aws, config) if keep else set()
    gone = 0
    for part in FAMILIES:
        family = config.named(part)
        arns = aws.pages(
            "ecs",
            "list_task_definitions",
            "taskDefinitionArns",
            familyPrefix=family,
            status="ACTIVE",
            sort="DESC",
        )
        ours = sorted(
            (arn for arn in arns if arn.rpartition("/")[2].partition(":")[0] == family),
            key=lambda arn: int(arn.rpartition(":")[2]),
            reverse=True,
        )
        for arn in ours[keep:]:
            if arn not in used:
                what = f"deregister {arn.rpartition('/')[2]}"
                aws.change(what, "ecs", "deregister_task_definition", taskDefinition=arn)
                gone += 1
    if gone:
        aws.done(f"{gone} old revisions of task definitions deregistered; the newest {keep} of each stay")


def _used(aws: Aws, config: Config) -> set[str]:
    where = config["CLUSTER_NAME"]
    found = {
        deployment["taskDefinition"]
        for service in cluster.services(aws, config)
        for deployment in (*service.get("deployments", []), service)
    }
    arns = aws.pages("ecs", "list_tasks", "taskArns", cluster=where) if cluster.active(aws, config) else []
    for first in range(0, len(arns), 100):
        tasks = aws.read("ecs", "describe_tasks", cluster=where, tasks=arns[first : first + 100])["tasks"]
        found |= {one["taskDefinitionArn"] for one in tasks}
    return found

"""The image's repository in ECR."""

from deploy.kit import ownership
from deploy.kit.aws import Aws, Refused, look
from deploy.kit.config import Config


def uri(aws: Aws, config: Config) -> str:
    """The repository's URI; made if ECR_REPO is a name that does not exist. Tags can't be moved once pushed."""
    name = config["ECR_REPO"]
    if ".dkr.ecr." in name:
        return name
    found = look(aws, "ecr", "describe_repositories", repositoryNames=[name])
    if found:
        return str(found["repositories"][0]["repositoryUri"])
    made = aws.change(
        f"create repository {name}",
        "ecr",
        "create_repository",
        repositoryName=name,
        imageTagMutability="IMMUTABLE",
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfiguration={"encryptionType": "AES256"},
        tags=ownership.tags(config),
    )
    return str(made["repository"]["repositoryUri"]) if made else _expected(aws, name)


def _expected(aws: Aws, name: str) -> str:
    """What AWS calls one of that name in this account."""
    who = aws.read("sts", "get_caller_identity")
    suffix = ".cn" if who["Arn"].startswith("arn:aws-cn:") else ""
    return f"{who['Account']}.dkr.ecr.{aws.region}.amazonaws.com{suffix}/{name}"


def require(aws: Aws, config: Config) -> None:
    """Raises Refused where there is none; a step that only takes an image from it makes none."""
    name = config["ECR_REPO"]
    if ".dkr.ecr." in name or aws.dry_run:
        return
    if look(aws, "ecr", "describe_repositories", repositoryNames=[name]) is None:
        raise Refused(f"There is no repository {name} in {aws.region}. First: make ecr-repository push-image")


def remove(aws: Aws, config: Config) -> None:
    """With its images, if this deployment made it: others may deploy from one of the same name."""
    name = config["ECR_REPO"]
    if ".dkr.ecr." in name:
        return
    found = look(aws, "ecr", "describe_repositories", repositoryNames=[name])
    if found is None:
        return
    arn = found["repositories"][0]["repositoryArn"]
    tags = aws.read("ecr", "list_tags_for_resource", resourceArn=arn)["tags"]
    if ownership.is_ours(config, tags, named=False):
        what = f"delete repository {name} with its images"
        aws.change(what, "ecr", "delete_repository", repositoryName=name, force=True)
    else:
        ownership.leave(aws, config, f"repository {name}", tags)

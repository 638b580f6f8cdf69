"""The image's repository in ECR."""

from deploy.kit import ownership
from deploy.kit.aws import Aws, look
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
    return str(made["repository"]["repositoryUri"]) if made else f"(the repository {name})"


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

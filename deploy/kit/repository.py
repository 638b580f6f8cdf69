"""The image's repository in ECR."""

from deploy.kit.aws import OURS, Aws, is_ours, look
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
        tags=OURS,
    )
    return str(made["repository"]["repositoryUri"]) if made else f"(the repository {name})"


def remove(aws: Aws, config: Config) -> None:
    """With its images, if the kit made it."""
    name = config["ECR_REPO"]
    if ".dkr.ecr." in name:
        return
    found = look(aws, "ecr", "describe_repositories", repositoryNames=[name])
    if found is None:
        return
    arn = found["repositories"][0]["repositoryArn"]
    if is_ours(aws.read("ecr", "list_tags_for_resource", resourceArn=arn)["tags"]):
        what = f"delete repository {name} with its images"
        aws.change(what, "ecr", "delete_repository", repositoryName=name, force=True)

"""The task definitions: what each is given. Which services go by them is services.py's, the pages' stack pages.py's."""

from deploy.kit import secrets, stacks
from deploy.kit.aws import Aws, Refused
from deploy.kit.config import Config

ROLES = ("ExecutionRole", "RunRole", "DaemonRole", "WebserverRole", "ReadOnlyRole")
"""Of the tasks' stack; one of an earlier version's lacks some."""


def bring(aws: Aws, config: Config, image: str, base: dict[str, str]) -> dict[str, str]:
    """The stack of all but the pages'; each one's ARN. Raises Refused."""
    arns = secrets.arns(aws, config)
    lacking = [name for name in (*ROLES, *(["PagesRole"] if config.pages else [])) if name not in base]
    if lacking and not aws.dry_run:
        raise Refused(
            f"The stack {config.named('cluster')} was made by an earlier version, and lacks {', '.join(lacking)}."
            " First: make configure-cluster"
        )
    return stacks.bring(
        aws,
        config,
        "tasks",
        {
            "ClusterName": config["CLUSTER_NAME"],
            "LaunchType": config["LAUNCH_TYPE"],
            **_of_all(config, image, base),
            **{name: base[name] for name in ROLES},
            "DatabaseSecret": arns["DB_URI"],
            "DagsterSecret": arns["DAGSTER_DB_URI"],
            "ReadingSecret": arns[secrets.READING],
            "PagesSecret": arns[secrets.PAGES],
            **config.code_size,
            "Exec": "yes" if config.exec else "no",
            "Store": "yes" if config.has_store else "no",
        },
    )


def _of_all(config: Config, image: str, base: dict[str, str]) -> dict[str, str]:
    """What each task definition has."""
    return {
        "Image": image,
        "Architecture": config.architecture.upper(),
        "LogGroup": config["AWS_LOG_GROUP"],
        "ExecutionRole": base["ExecutionRole"],
        "OverpassUrl": config["OVERPASS_URL"],
        "AugmentedDiffsUrl": config["AUGDIFF_SOURCE"],
        "ChangesetsUrl": config["CHANGESET_SOURCE"],
        "AugmentedDiffsStart": config["AUGDIFF_START"],
        "ChangesetsStart": config["CHANGESET_START"],
        "ArchiveUri": config["ARCHIVE_URI"],
    }


def of_pages(aws: Aws, config: Config, image: str, base: dict[str, str]) -> dict[str, str]:
    """What that of the pages has; empty where there are none."""
    if not config.pages:
        return {}
    own = {"Role": base["PagesRole"], "Secret": secrets.arns(aws, config)[secrets.PAGES]}
    return _of_all(config, image, base) | own

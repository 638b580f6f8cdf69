"""`python -m deploy.kit STEP`, as the Makefile calls it, variables in the environment. Exit code 2: wrong variables."""

import os
import sys
from collections.abc import Callable, Mapping

from botocore.exceptions import ClientError

from deploy.kit import (
    alarms,
    cluster,
    database,
    destroy,
    image,
    instance,
    repository,
    restore,
    role,
    rollback,
    rotate,
    secrets,
    services,
)
from deploy.kit.aws import Aws, Refused
from deploy.kit.config import AWS, LOCAL, Config, ConfigError, Variable, load
from deploy.kit.render import HERE, RenderError, place, rendered, values_of

Step = Callable[[Aws, Config], object]


def _check(aws: Aws, _: Config) -> None:
    instance.check(image=True)
    aws.say("config-aws.mk: every variable can be used")


def _compose(aws: Aws, config: Config) -> None:
    name = "docker-compose.deploy.yml"
    full = image.address(aws, config)
    place(aws, HERE / name, rendered(HERE / f"{name}.tpl", values_of(config, full)).encode())


def _local(aws: Aws, config: Config) -> None:
    name = "docker-compose.local.yml"
    values = dict(config.values) | {"IMAGE": f"stats-assets:{image.tag()}", "DEPLOY": str(HERE)}
    instance.check(image=False)
    place(aws, HERE / name, rendered(HERE / f"{name}.tpl", values).encode())


STEPS: Mapping[str, tuple[Step, tuple[Mapping[str, Variable], ...]]] = {
    "check-config": (_check, (AWS,)),
    "build-container": (image.build, (AWS,)),
    "build-local": (image.build, ({"BASE_IMAGE": AWS["BASE_IMAGE"]._replace(required=False)}, LOCAL)),
    "instance-role": (role.bring, (AWS,)),
    "ecr-repository": (lambda aws, config: aws.say(repository.uri(aws, config)), (AWS,)),
    "database": (database.bring, (AWS,)),
    "secrets": (secrets.put, (AWS,)),
    "configure-cluster": (cluster.configure, (AWS,)),
    "docker-compose.deploy.yml": (_compose, (AWS, LOCAL)),
    "docker-compose.local.yml": (_local, (LOCAL,)),
    "render": (instance.render, (AWS,)),
    "push-image": (image.push, (AWS,)),
    "cluster-up": (cluster.up, (AWS,)),
    "cluster-down": (cluster.down, (AWS,)),
    "start-service": (lambda aws, config: services.start(aws, config, image.pushed(aws, config)), (AWS,)),
    "rollback": (
        lambda aws, config: rollback.roll_back(aws, config, os.environ.get("TAG", "")),
        (AWS,),
    ),
    "rotate": (rotate.password, (AWS,)),
    "restore": (lambda aws, config: restore.bring_back(aws, config, os.environ.get("TIME", "")), (AWS,)),
    "alarms": (alarms.bring, (AWS,)),
    "stop-service": (services.stop, (AWS,)),
    "status": (services.status, (AWS,)),
    "logs": (lambda aws, config: services.logs(aws, config, os.environ.get("SERVICE") or "daemon"), (AWS,)),
    "destroy": (destroy.everything, (AWS,)),
}


def main(arguments: list[str]) -> int:
    """Do one step."""
    if len(arguments) != 1 or arguments[0] not in STEPS:
        print(f"Name one step: {', '.join(STEPS)}", file=sys.stderr)
        return 2
    step, tables = STEPS[arguments[0]]
    try:
        config = load(*tables)
        region = config.values.get("AWS_REGION", "us-east-1")
        step(Aws(region, dry_run=bool(os.environ.get("DRY_RUN"))), config)
    except ConfigError as error:
        where = "config-local.mk" if tables == (LOCAL,) else "config-aws.mk"
        print(f"{where} is not complete:\n{error}", file=sys.stderr)
        return 2
    except (Refused, RenderError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m deploy.kit STEP`, as the Makefile calls it, variables in the environment.

Without make the variables are those that make has for config-aws.mk, and the exit code is this program's: 1 a step was
refused, 2 wrong variables; of a step that runs a command as a task, that command's.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from botocore.exceptions import ClientError

from deploy.kit import (
    alarms,
    backfill,
    cluster,
    database,
    destroy,
    image,
    instance,
    life,
    logs,
    machines,
    makefile,
    preflight,
    repository,
    restore,
    role,
    rollback,
    rotate,
    secrets,
    services,
    task,
)
from deploy.kit.aws import Aws, Refused
from deploy.kit.config import Config, ConfigError, load
from deploy.kit.render import HERE, RenderError, local_values, place, rendered, values_of
from deploy.kit.variables import AWS, LOCAL, Variable

Step = Callable[[Aws, Config], object]
NO = ("", "0", "no", "false")
"""Of DRY_RUN and FOLLOW."""


def _check(aws: Aws, config: Config) -> None:
    instance.check(image=True)
    database.check(aws, config)
    aws.say("config-aws.mk: every variable can be used")


def _compose(aws: Aws, config: Config) -> None:
    name = "docker-compose.deploy.yml"
    repository.require(aws, config)
    full = image.address(aws, config)
    place(aws, HERE / name, rendered(HERE / f"{name}.tpl", values_of(config, full)).encode())


def _local(aws: Aws, config: Config) -> None:
    name = "docker-compose.local.yml"
    values = local_values(config.values) | {"IMAGE": f"stats-assets:{image.tag()}"}
    instance.check(image=False)
    place(aws, HERE / name, rendered(HERE / f"{name}.tpl", values).encode())


def _repository(aws: Aws, config: Config) -> None:
    uri = repository.uri(aws, config)
    life.images(aws, config)
    aws.say(uri)


def _start(aws: Aws, config: Config) -> None:
    services.start(aws, config, image.pushed(aws, config))
    life.revisions(aws, config)


def _destroy(aws: Aws, config: Config) -> None:
    destroy.everything(aws, config)
    life.revisions(aws, config, keep=0)


def _stop(aws: Aws, config: Config) -> None:
    if services.stop(aws, config):
        aws.done("The stream goes on from its checkpoint with make start-service")


def _patch(aws: Aws, config: Config) -> None:
    if config.on_ec2 and not cluster.machines(aws, config):
        raise Refused(f"There is no group {config.named('machines')}. First: make configure-cluster")
    cluster.configure(aws, config)
    machines.refresh(aws, config)


def _task(aws: Aws, config: Config) -> int:
    if begun := os.environ.get("TASK"):
        return task.follow(aws, config, begun)
    return task.run(aws, config, task.words_of(os.environ.get("COMMAND", "")))


def _task_stop(aws: Aws, config: Config) -> None:
    if not (begun := os.environ.get("TASK")):
        raise Refused(
            "TASK is not set: make task has said which it is. An example: make task-stop TASK=0a1b…"
        )
    task.stop(aws, config, begun)


def _logs(aws: Aws, config: Config) -> None:
    told = os.environ
    follow = told.get("FOLLOW", "").lower() not in NO
    logs.show(aws, config, told.get("SERVICE") or "daemon", told.get("MINUTES", ""), follow)


STEPS: Mapping[str, tuple[Step, tuple[Mapping[str, Variable], ...]]] = {
    "check-config": (_check, (AWS,)),
    "build-container": (image.build, (AWS,)),
    "build-local": (image.build, ({"BASE_IMAGE": AWS["BASE_IMAGE"]._replace(required=False)}, LOCAL)),
    "instance-role": (role.bring, (AWS,)),
    "ecr-repository": (_repository, (AWS,)),
    "database": (database.bring, (AWS,)),
    "secrets": (secrets.put, (AWS,)),
    "configure-cluster": (cluster.configure, (AWS,)),
    "docker-compose.deploy.yml": (_compose, (AWS, LOCAL)),
    "docker-compose.local.yml": (_local, (LOCAL,)),
    "render": (instance.render, (AWS,)),
    "push-image": (image.push, (AWS,)),
    "cluster-up": (cluster.up, (AWS,)),
    "cluster-down": (cluster.down, (AWS,)),
    "start-service": (_start, (AWS,)),
    "rollback": (
        lambda aws, config: rollback.roll_back(aws, config, os.environ.get("TAG", "")),
        (AWS,),
    ),
    "rotate": (rotate.password, (AWS,)),
    "restore": (lambda aws, config: restore.bring_back(aws, config, os.environ.get("TIME", "")), (AWS,)),
    "alarms": (alarms.bring, (AWS,)),
    "stop-service": (_stop, (AWS,)),
    "status": (services.status, (AWS,)),
    "logs": (_logs, (AWS,)),
    "task": (_task, (AWS,)),
    "task-stop": (_task_stop, (AWS,)),
    "streams-on": (lambda aws, config: task.run(aws, config, [task.PROGRAM, "streams", "on"]), (AWS,)),
    "streams-off": (lambda aws, config: task.run(aws, config, [task.PROGRAM, "streams", "off"]), (AWS,)),
    "backfill": (lambda aws, config: backfill.run(aws, config, backfill.wanted()), (AWS,)),
    "backfill-end": (backfill.end, (AWS,)),
    "patch-machines": (_patch, (AWS,)),
    "preflight": (preflight.run, (AWS,)),
    "destroy": (_destroy, (AWS,)),
}


def _config(tables: tuple[Mapping[str, Variable], ...]) -> Config:
    """The variables, and what make took away from them. Raises ConfigError."""
    wrong = []
    by_hand = {} if "CLUSTER_NAME" in os.environ or AWS not in tables else makefile.values(HERE, AWS)
    os.environ.update(by_hand)
    if "MAKELEVEL" in os.environ or by_hand:
        for table in tables:
            file = HERE / ("config-local.mk" if table is LOCAL else "config-aws.mk")
            wrong += makefile.complaints(file, table, os.environ)
    try:
        config = load(*tables)
    except ConfigError as error:
        raise ConfigError("\n".join([*wrong, str(error)])) from None
    if wrong:
        raise ConfigError("\n".join(wrong))
    return config


@contextmanager
def _ended_alike() -> Iterator[None]:
    """A terminal that is closed, or kill, is Ctrl-C: what a step has put to rest is put to work again."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    heard = [
        one for one in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) != signal.SIG_IGN
    ]  # nohup
    before = {one: signal.signal(one, end) for one in heard}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def main(arguments: list[str]) -> int:
    """Do one step."""
    if len(arguments) != 1 or arguments[0] not in STEPS:
        print(f"Name one step: {', '.join(STEPS)}", file=sys.stderr)
        return 2
    step, tables = STEPS[arguments[0]]
    try:
        config = _config(tables)
        region = config.values.get("AWS_REGION", "us-east-1")
        dry_run = os.environ.get("DRY_RUN", "").lower() not in NO
        with _ended_alike():
            done = step(Aws(region, dry_run=dry_run), config)
    except ConfigError as error:
        where = "config-local.mk" if tables == (LOCAL,) else "config-aws.mk"
        print(f"{where} is not complete:\n{error}", file=sys.stderr)
        return 2
    except (Refused, RenderError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\n{arguments[0]} was ended in the middle. Called again it goes on.", file=sys.stderr)
        return 130
    return done if isinstance(done, int) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

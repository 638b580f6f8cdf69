"""Another password for the kit's own database.

It is in three places, changed in an order that can be resumed: drawn and kept as pending, given to the server, then to
those who log in.
"""

from botocore.exceptions import ClientError

from deploy.kit import database, deployed, secrets, services
from deploy.kit.aws import Aws, Refused, code_of
from deploy.kit.config import Config
from deploy.kit.rest import RUNS, at_rest

PENDING = "AWSPENDING"


def password(aws: Aws, config: Config, patience: float = RUNS) -> None:
    """Draw one, wait until no run is at work, change it everywhere, start the services with it.

    The daemon begins no runs meanwhile; a connection that stands goes on, a new one by the old password would fail.
    Raises Refused where the database is another's, or when runs are at work for too long: then nothing has changed.
    """
    if not config.own_database:
        raise Refused(
            "The database is not the kit's: change the password there and in DB_URI and DAGSTER_DB_URI (or in your own"
            " secrets), then make secrets start-service."
        )
    database.outputs(aws, config)
    at_work = deployed.image(aws, config) if deployed.is_wanted(aws, config) else None
    with at_rest(aws, config, end_runs=False, patience=patience, again=False):
        database.give_password(aws, config, _pending(aws, config))
        if aws.dry_run:  # what follows would look at the present one, and find all up to date
            aws.say(
                "would then put it into the secrets, and start the services with it where they are at work"
            )
            return
        _make_current(aws, config)
        secrets.put(aws, config)
    if at_work:
        services.start(aws, config, at_work)
    else:
        aws.say("the services are not at work: make start-service starts them with it")


def _pending(aws: Aws, config: Config) -> str:
    """The new password, which an earlier call may have drawn already; the secret keeps it beside the present one."""
    name = database.password_name(config)
    try:
        found = aws.read("secretsmanager", "get_secret_value", SecretId=name, VersionStage=PENDING)
        return str(found["SecretString"])
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
    drawn = database.draw(aws)
    aws.change(
        "draw a password that nobody has seen",
        "secretsmanager",
        "put_secret_value",
        SecretId=name,
        SecretString=drawn,
        VersionStages=[PENDING],
    )
    return drawn


def _make_current(aws: Aws, config: Config) -> None:
    if aws.dry_run:
        return
    name = database.password_name(config)
    versions = aws.read("secretsmanager", "describe_secret", SecretId=name)["VersionIdsToStages"]
    of = {stage: version for version, stages in versions.items() for stage in stages}
    present, pending = of["AWSCURRENT"], of[PENDING]
    if present != pending:
        what = "make it the secret's present value"
        about = {"VersionStage": "AWSCURRENT", "RemoveFromVersionId": present, "MoveToVersionId": pending}
        aws.change(what, "secretsmanager", "update_secret_version_stage", SecretId=name, **about)
    about = {"VersionStage": PENDING, "RemoveFromVersionId": pending}
    aws.change(
        "which is pending no more", "secretsmanager", "update_secret_version_stage", SecretId=name, **about
    )

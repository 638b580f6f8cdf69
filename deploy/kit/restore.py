"""The kit's own database as it was at a time, in place of the present one, which stays beside it under another name.

The restored one gets the present one's name, and with it its address and its stack: what can be done with the database
by other steps is the same afterwards.
"""

from datetime import UTC, datetime
from typing import Any

from deploy.kit import database, deployed, secrets, services
from deploy.kit.aws import Aws, Refused, look
from deploy.kit.config import Config
from deploy.kit.rest import no_runs, of_services

PATIENCE = 14_400.0  # RDS reads the backup and does again what came after it: hours for a big one
BEFORE = datetime(2020, 1, 1, tzinfo=UTC)
EXAMPLE = "An example: make restore TIME=2026-01-31T12:00:00Z"


def bring_back(aws: Aws, config: Config, time: str) -> None:
    """Restore beside, then swap and start the services. Raises Refused before anything is done when it can't be.

    Called again with the same TIME it goes on where it was: what is restored is told by its name.
    """
    if not config.own_database:
        raise Refused(
            "The database is not the kit's: restore it there, and name it in DB_URI and DAGSTER_DB_URI."
        )
    at = _time(time)
    database.require_own(aws, config)
    present = config.named("database")
    new, old = f"{present}-{at:%Y%m%d%H%M%S}", f"{present}-until-{at:%Y%m%d%H%M%S}"
    if _find(aws, new) is None and _find(aws, old) is None:
        _restore(aws, _described(aws, present, at), new, at)
    what = f"{new} to be restored"
    if _find(aws, old) is None or _find(aws, new) is not None:
        aws.until(
            what, lambda: _is_there(aws, new), PATIENCE, "RDS's events say why. Do this again: it goes on."
        )
    _swap(aws, config, present, new, old)
    if aws.dry_run:
        return
    aws.say(
        f"{present} is as it was at {at:%Y-%m-%d %H:%M:%S} UTC. The one of before is {old}: it is protected, and costs"
        " as much; look at it as long as you need, then delete it."
    )


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"TIME can't be {text!r}. {EXAMPLE}") from None
    if at.tzinfo is None:
        raise Refused(f"TIME {text} has no zone: Z at its end is UTC. {EXAMPLE}")
    if at > datetime.now(UTC):
        raise Refused(f"TIME {text} is in the future.")
    if at < BEFORE:
        raise Refused(f"TIME {text} is before all databases. {EXAMPLE}")
    return at.astimezone(UTC)


def _find(aws: Aws, name: str) -> dict[str, Any] | None:
    found = look(aws, "rds", "describe_db_instances", DBInstanceIdentifier=name)
    return dict(found["DBInstances"][0]) if found else None


def _is_there(aws: Aws, name: str) -> bool:
    return (_find(aws, name) or {}).get("DBInstanceStatus") == "available"


def _described(aws: Aws, name: str, at: datetime) -> dict[str, Any]:
    """The present one. Raises Refused where RDS can't restore it as of then."""
    here = _find(aws, name)
    if here is None:
        raise Refused(f"There is no database {name}. First: make database")
    newest = here.get("LatestRestorableTime")
    if newest is not None and at > newest:
        raise Refused(
            f"RDS can restore {name} up to {newest:%Y-%m-%dT%H:%M:%SZ}: later ones in five minutes."
        )
    return here


def _restore(aws: Aws, here: dict[str, Any], new: str, at: datetime) -> None:
    """With all that a restored one has not by itself: network, protection, growth."""
    most = {"MaxAllocatedStorage": here["MaxAllocatedStorage"]} if here.get("MaxAllocatedStorage") else {}
    aws.change(
        f"restore {here['DBInstanceIdentifier']} as of {at:%Y-%m-%d %H:%M:%S} UTC to {new}",
        "rds",
        "restore_db_instance_to_point_in_time",
        SourceDBInstanceIdentifier=here["DBInstanceIdentifier"],
        TargetDBInstanceIdentifier=new,
        RestoreTime=at,
        DBInstanceClass=here["DBInstanceClass"],
        DBSubnetGroupName=here["DBSubnetGroup"]["DBSubnetGroupName"],
        VpcSecurityGroupIds=[one["VpcSecurityGroupId"] for one in here["VpcSecurityGroups"]],
        DeletionProtection=True,
        PubliclyAccessible=False,
        AutoMinorVersionUpgrade=True,
        CopyTagsToSnapshot=True,
        Tags=[one for one in here.get("TagList", []) if not one["Key"].startswith("aws:")],
        **most,
    )


def _swap(aws: Aws, config: Config, present: str, new: str, old: str) -> None:
    """Nobody is connected meanwhile: a connection that stands would go on with the old one."""
    if aws.dry_run:
        aws.say(f"would then stop the services, call {present} {old} and {new} {present}, and start them")
        return
    services.stop(aws, config)
    no_runs(aws, config, end=True)
    aws.until(
        "the services to end",
        lambda: not of_services(aws, config, *config.services),
        600,
        "See make status; then do this again.",
    )
    if _find(aws, old) is None:
        _rename(aws, present, old)
    if _find(aws, new) is not None:
        _rename(aws, new, present)
    # The password is that of then.
    database.give_password(aws, config, database.password(aws, config))
    secrets.put(aws, config)
    if at_work := deployed.image(aws, config):
        services.start(aws, config, at_work, moved=True)


def _rename(aws: Aws, name: str, to: str) -> None:
    about = {"DBInstanceIdentifier": name, "NewDBInstanceIdentifier": to, "ApplyImmediately": True}
    aws.change(f"call {name} {to}", "rds", "modify_db_instance", **about)
    aws.until(
        f"{to} to be there",
        lambda: _is_there(aws, to) and _find(aws, name) is None,
        1800,
        "See RDS's events.",
    )

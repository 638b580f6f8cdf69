"""The two databases' URLs in Secrets Manager; tasks are given the ARNs. Nothing else of the kit sees the values."""

from deploy.kit import database, ownership
from deploy.kit.aws import Aws, Refused, look
from deploy.kit.config import Config
from deploy.kit.variables import DATABASES, PAGES_DATABASE

DRIVER = "postgresql+psycopg2://"
"""For Dagster: SQLAlchemy 2.1 takes psycopg 3 for `postgresql://`, whose NOTIFY dagster-postgres can't call."""
READING = "DAGSTER_READ_DB_URI"
PAGES = "PAGES_DB_URI"
NAMES = {
    "DB_URI": "database-url",
    "DAGSTER_DB_URI": "dagster-database-url",
    READING: "dagster-reading-url",
    PAGES: "pages-database-url",
}


def value_of(url: str, variable: str) -> str:
    """What the tasks are given."""
    return url if variable in ("DB_URI", PAGES) else url.replace("postgresql://", DRIVER, 1)


def put(aws: Aws, config: Config) -> None:
    """Make them, or give them a new value if it is another now."""
    database.check(aws, config)
    urls = database.urls(aws, config)
    if not urls:
        aws.say("secrets: DB_SECRET_ARN and DAGSTER_DB_SECRET_ARN are your own, and the kit keeps none")
    for variable, url in urls.items():
        _put(aws, config, variable, value_of(url, variable))
    old = _value(aws, config, READING)
    if url := database.reading_url(aws, config, old or ""):
        _put(aws, config, READING, value_of(url, READING))
    old = _value(aws, config, PAGES)
    if url := database.pages_url(aws, config, old or ""):
        _put(aws, config, PAGES, url)


def _named(config: Config, variable: str) -> str:
    return f"{config['CLUSTER_NAME']}/{NAMES[variable]}"


def _value(aws: Aws, config: Config, variable: str) -> str | None:
    """The present one; None: there is none. Raises Refused for a secret that waits for its deletion."""
    name = _named(config, variable)
    about = look(aws, "secretsmanager", "describe_secret", SecretId=name)
    if about and about.get("DeletedDate"):
        raise Refused(
            f"The secret {name} waits for its deletion. Take it back, or delete it at once:"
            f" aws secretsmanager restore-secret --secret-id {name}"
        )
    found = look(aws, "secretsmanager", "get_secret_value", SecretId=name) if about else None
    return str(found["SecretString"]) if found else None


def _put(aws: Aws, config: Config, variable: str, value: str) -> None:
    name, old = _named(config, variable), _value(aws, config, variable)
    if old is None:
        made = {"Name": name, "SecretString": value, "Tags": ownership.tags(config)}
        aws.change(f"create secret {name}", "secretsmanager", "create_secret", **made)
        return
    if old == value:
        aws.say(f"secret {name}: up to date")
        return
    about = aws.read("secretsmanager", "describe_secret", SecretId=name)
    if not ownership.is_ours(config, about.get("Tags", []), named=True):
        raise Refused(
            f"There is a secret {name} with another value, which"
            f" {ownership.owner(config, about.get('Tags', [])).value} made. It is not changed: take"
            " another CLUSTER_NAME."
        )
    what = f"give secret {name} a new value; services have it after make start-service"
    aws.change(what, "secretsmanager", "put_secret_value", SecretId=name, SecretString=value)


def arns(aws: Aws, config: Config) -> dict[str, str]:
    """Their ARNs by variable, with the present version: another value is another task definition, and so arrives.

    Raises Refused when one is not there.
    """
    found = {}
    reads = [(READING, "")] if database.has_reader(config) else []
    reads += [PAGES_DATABASE] if config.pages else []
    for variable, own in (*DATABASES, *reads):
        theirs = config[own] if own else ""
        name = theirs or _named(config, variable)
        secret = look(aws, "secretsmanager", "describe_secret", SecretId=name)
        if secret is None and aws.dry_run:
            found[variable] = f"(the secret {name})"
            continue
        if secret is None:
            raise Refused(f"The secret {name} is not there. First: {'make it' if theirs else 'make secrets'}")
        stages = secret["VersionIdsToStages"].items()
        present = next(version for version, names in stages if "AWSCURRENT" in names)
        found[variable] = f"{secret['ARN']}:::{present}"
    return {READING: found["DAGSTER_DB_URI"], PAGES: found["DB_URI"]} | found

"""What the variables of the pages must be together.

Each by itself is variables.py's, what is made of them pages.py's.
"""

from collections.abc import Mapping

from deploy.kit import rules
from deploy.kit.variables import AWS, PAGES_DATABASE

NEEDED = ("PAGES_SUBNETS", "PEOPLE", "CONTACT")
DEFAULTS = {"PAGES_MIN": "2", "PAGES_MAX": "6", "PAGES_CIDR": rules.WORLD}


def wrong(values: Mapping[str, str]) -> list[str]:
    """In sentences; empty where there are no pages, whatever else is set."""
    if values.get("PAGES") != "yes":
        return []
    plain, certificate = values["PAGES_PLAIN_HTTP"], values["PAGES_CERTIFICATE_ARN"]
    https = () if plain else ("PAGES_HOST", "PAGES_CERTIFICATE_ARN")
    hint = " (or, if it must be so: PAGES_PLAIN_HTTP := yes)"
    found = [
        f"{name} is not set, and PAGES is yes. An example: {AWS[name].example}{hint if name in https else ''}"
        for name in (*NEEDED, *https)
        if not values[name]
    ]
    if plain and certificate:
        found.append("PAGES_PLAIN_HTTP and PAGES_CERTIFICATE_ARN can't both be set: leave one of them empty")
    region = values["AWS_REGION"]
    for name in ("PAGES_CERTIFICATE_ARN", PAGES_DATABASE[1]):
        if values[name] and values[name].split(":")[3] != region:
            found.append(
                f"{name} is of {values[name].split(':')[3]}, and AWS_REGION is {region}: it must be of there"
            )
    least, most = (int(values[name] or DEFAULTS[name]) for name in ("PAGES_MIN", "PAGES_MAX"))
    if least > most:
        found.append(f"PAGES_MIN is {least}, and PAGES_MAX {most}: it must be as many, or more")
    return found + _database(values)


def _database(values: Mapping[str, str]) -> list[str]:
    url, secret = PAGES_DATABASE
    if values[url] and values[secret]:
        return [f"{url} and {secret} can't both be set: leave one of them empty"]
    if not (values[url] or values[secret] or values["DB_INSTANCE_CLASS"]):
        return [
            f"{url} is not set, and neither is {secret}: pages know a login of their own, which may only SELECT."
            f" An example: {AWS[url].example}"
        ]
    if values[url] and values[url] == values["DB_URI"]:
        return [f"{url} is DB_URI, whose login may write: name another login, which may only SELECT"]
    return []

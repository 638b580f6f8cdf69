"""TLS to PostgreSQL: which authority vouches for a server, as its URL says it to libpq in the image, and what is said
where it is not verified.
"""

import re
import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from deploy.kit.aws import Refused
from deploy.kit.instance import DATABASE_CA, FOLDER
from deploy.kit.render import HERE

RDS = "/srv/stats-assets/certificates/rds.pem"
"""Of the image: deploy/certificates/rds.pem."""
BUNDLE = HERE / "certificates" / "rds.pem"
SYSTEM = "system"
"""libpq's word for those that the image's operating system trusts."""
HOST = re.compile(r"\.([a-z]+(?:-[a-z]+)+-\d+)\.rds\.amazonaws\.com(?:\.cn)?\.?$")
WEAKER: Mapping[str, str] = {
    "disable": "whoever is on the way can read it all, the password, too",
    "require": "whoever is on the way can take the server's place: its certificate is not verified",
    "verify-ca": "the certificate's name is not verified",
}
"""What a URL's own sslmode means, if it is another than verify-full."""


def verified(url: str) -> str:
    """The URL with sslmode=verify-full and its sslrootcert; what it says of either itself stays.

    Raises Refused where nobody in the image vouches for the server.
    """
    account, _, place = url.rpartition("@")
    server, _, query = place.partition("?")
    given = parse_qs(query, keep_blank_values=True)
    mode = given.get("sslmode", ["verify-full"])[-1]
    added = [] if "sslmode" in given else [f"sslmode={mode}"]
    if "sslrootcert" not in given and mode in ("verify-full", "verify-ca"):
        authority = _authority(server)
        # libpq takes the system's authorities for verify-full alone
        added += [f"sslrootcert={authority}"] if mode == "verify-full" or authority != SYSTEM else []
    said = "&".join([*filter(None, [query]), *added])
    return f"{account}@{server}{'?' if said else ''}{said}"


def warning(variable: str, url: str) -> str:
    """What its own sslmode gives up; empty: nothing."""
    mode = parse_qs(url.partition("?")[2]).get("sslmode", [""])[-1]
    return f"{variable} says sslmode={mode}: {WEAKER[mode]}" if mode in WEAKER else ""


def require(region: str) -> None:
    """Raises Refused where nobody in the image vouches for RDS's servers of that region."""
    if not (FOLDER / DATABASE_CA).exists() and region not in regions():
        raise Refused(
            f"RDS's authority of {region} is not in deploy/certificates/rds.pem, and the server's certificate could not"
            f" be verified. Put AWS's bundle of that region into deploy/instance/{DATABASE_CA}: its address is in RDS's"
            ' user guide, "Using SSL/TLS to encrypt a connection to a DB instance".'
        )


@cache
def regions() -> frozenset[str]:
    """Those whose authorities the image has."""
    known: list[dict[str, Any]] = ssl.create_default_context(cafile=BUNDLE).get_ca_certs()
    names = [value for one in known for ((key, value),) in one["subject"] if key == "commonName"]
    return frozenset(found[1] for name in names if (found := re.match(r"Amazon RDS (\S+) Root CA", name)))


def _authority(server: str) -> str:
    if (FOLDER / DATABASE_CA).exists():
        return f"/srv/stats-assets/instance/{DATABASE_CA}"
    host = server.partition("/")[0].partition(":")[0].lower()
    if found := HOST.search(host):
        require(found[1])
        return RDS
    return RDS if host.rstrip(".").endswith((".rds.amazonaws.com", ".rds.amazonaws.com.cn")) else SYSTEM

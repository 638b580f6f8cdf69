"""TLS to PostgreSQL: which authority vouches for a server, as its URL says it to libpq in the image."""

from urllib.parse import parse_qs

from deploy.kit.instance import DATABASE_CA, FOLDER

RDS = "/srv/stats-assets/certificates/rds.pem"
"""Of the image: deploy/certificates/rds.pem."""
SYSTEM = "system"
"""libpq's word for those that the image's operating system trusts."""


def verified(url: str) -> str:
    """The URL with sslmode=verify-full and its sslrootcert; what it says of either itself stays."""
    account, _, place = url.rpartition("@")
    server, _, query = place.partition("?")
    given = parse_qs(query, keep_blank_values=True)
    mode, authority = given.get("sslmode", ["verify-full"])[-1], _authority(server)
    added = [] if "sslmode" in given else [f"sslmode={mode}"]
    # libpq takes the system's authorities for verify-full alone
    if "sslrootcert" not in given and (
        mode == "verify-full" or (mode == "verify-ca" and authority != SYSTEM)
    ):
        added.append(f"sslrootcert={authority}")
    said = "&".join([*filter(None, [query]), *added])
    return f"{account}@{server}{'?' if said else ''}{said}"


def _authority(server: str) -> str:
    if (FOLDER / DATABASE_CA).exists():
        return f"/srv/stats-assets/instance/{DATABASE_CA}"
    host = server.partition("/")[0].partition(":")[0]
    return RDS if host.endswith((".rds.amazonaws.com", ".rds.amazonaws.com.cn")) else SYSTEM

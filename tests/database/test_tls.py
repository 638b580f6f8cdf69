"""A server whose certificate nobody vouches for is not talked to: by our connections, and by Dagster's storage."""

from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy.exc import OperationalError

from deploy.kit import certificates
from deploy.kit.certificates import verified
from deploy.kit.instance import DATABASE_CA
from deploy.kit.secrets import value_of
from stats_assets.database.connection import DatabaseUnreachable, connect
from tests.database.tls import Front, authority, is_encrypted


@pytest.fixture
def front(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Front:
    """A server with an authority of its own, which deploy/instance/ does not have yet."""
    monkeypatch.setattr(certificates, "FOLDER", tmp_path / "instance")
    (tmp_path / "instance").mkdir()
    return Front(server, *authority(tmp_path, "server"))


def in_the_image(url: str, folder: Path) -> str:
    """As it reads in the image, with the image's folder at its place here."""
    return url.replace("/srv/stats-assets", str(folder))


def test_who_vouches_for_the_server_decides(front: Front, tmp_path: Path) -> None:
    own = tmp_path / "instance" / DATABASE_CA
    with front:
        with pytest.raises(DatabaseUnreachable, match="vouched for") as refused:
            connect(verified(front.url))
        assert "sslrootcert" in str(refused.value)
        own.write_bytes(authority(tmp_path, "another")[0].read_bytes())
        url = in_the_image(verified(front.url), tmp_path)
        with pytest.raises(DatabaseUnreachable, match="vouched for"):
            connect(url)
        with pytest.raises(OperationalError, match="certificate verify failed"):
            sqlalchemy.create_engine(value_of(url, "DAGSTER_DB_URI")).connect()
        own.write_bytes((tmp_path / "server.pem").read_bytes())
        with connect(url) as connection:
            assert is_encrypted(connection)
        engine = sqlalchemy.create_engine(value_of(url, "DAGSTER_DB_URI"))
        with engine.connect() as made:
            assert made.connection.dbapi_connection.info.ssl_in_use  # type: ignore[union-attr]
        engine.dispose()
        elsewhere = url.replace("127.0.0.1", "localhost")
        with pytest.raises(DatabaseUnreachable, match="of the host that is named there"):
            connect(elsewhere)


RDS = f"sslmode=verify-full&sslrootcert={certificates.RDS}"
SYSTEM = "sslmode=verify-full&sslrootcert=system"


@pytest.mark.parametrize(
    ("url", "query"),
    {
        "postgresql://u:p@name.abc.us-east-1.rds.amazonaws.com:5432/stats": RDS,
        "postgresql://u:p@rds.amazonaws.com.example.org/stats": SYSTEM,
        "postgresql://u:p@host/stats": SYSTEM,
        "postgresql://u:p@host/stats?options=-csearch_path%3Dstats": f"options=-csearch_path%3Dstats&{SYSTEM}",
        "postgresql://u:p%3F@host/stats": SYSTEM,
        "postgresql://u:p@host/stats?sslmode=verify-ca": "sslmode=verify-ca",
        "postgresql://u:p@host/stats?sslrootcert=/srv/ca.pem": "sslrootcert=/srv/ca.pem&sslmode=verify-full",
        "postgresql://u:p@host/stats?sslmode=require": "sslmode=require",
        "postgresql://u:p@host/stats?sslmode=disable": "sslmode=disable",
    }.items(),
)
def test_what_a_url_says_of_tls_stays_and_the_rest_is_verified(url: str, query: str) -> None:
    base, _, found = verified(url).partition("?")
    assert base == url.partition("?")[0]
    assert sorted(found.split("&")) == sorted(query.split("&"))
    assert verified(verified(url)) == verified(url)

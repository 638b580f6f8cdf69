"""Wrong values of variables, by AWS's own rules and by make's: each is refused with its reason, and no secret said."""

import re
import subprocess
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import make_url

from deploy.kit import certificates, database, image, makefile
from deploy.kit.aws import Aws, Refused
from deploy.kit.config import ConfigError, load
from deploy.kit.database import most_storage
from deploy.kit.instance import DATABASE_CA
from deploy.kit.render import HERE
from deploy.kit.secrets import value_of
from deploy.kit.variables import AWS, LOCAL, OIDC
from tests.deploy.test_config import GOOD

URL = "postgresql://user:{}@host:5432/stats"
WRONG = [
    ("CLUSTER_NAME", "stats--assets", "two hyphens"),
    ("CLUSTER_NAME", "aws-stats", "may not begin with aws, ecs, fargate"),
    ("CLUSTER_NAME", "ecs", "may not begin with"),
    ("CLUSTER_NAME", "s" * 33, ""),
    ("CLUSTER_NAME", "stats_assets", ""),
    ("AWS_REGION", "us-east-9", "There is no such region, but us-east-1"),
    ("AWS_REGION", "us-east-1a", ""),
    ("AWS_REGION", "eu-nowhere-1", "There is no such region"),
    ("AWS_LOG_GROUP", "aws/stats", "AWS's own"),
    ("AWS_LOG_GROUP", "stats assets", ""),
    ("SUBNETS", "subnet-0123456789abcdef0,subnet-0123456789abcdef0", "named twice"),
    ("INSTANCE_ROLE", "r" * 65, ""),
    ("INSTANCE_ROLE", "arn:aws:iam::123456789012:role/x", ""),
    ("ECR_REPO", "stats..assets", "single . _ -"),
    ("ECR_REPO", "stats-", "single . _ -"),
    ("ECR_REPO", "123456789012.dkr.ecr.us-east-1.amazonaws.com/a/-b", "single . _ -"),
    ("ECR_REPO", "s" * 257, "256 characters"),
    ("CLIENT_CIDR", "10.0.0.300/8", "no network"),
    ("CLIENT_CIDR", "10.1.2.3/8", "The network that it is in is 10.0.0.0/8"),
    ("CLIENT_CIDR", "10.0.0.0/33", ""),
    ("CLIENT_CIDR", "16.0.0.0/4", "/8 at most"),
    ("READ_ONLY_CIDR", "192.168.1.1/24", "192.168.1.0/24"),
    ("READ_ONLY_CIDR", "0.0.0.0/0", ""),
    ("DB_STORAGE", "19", "from 20 to 65536"),
    ("DB_STORAGE", "65537", "from 20 to 65536"),
    ("MAX_INSTANCES", "0", ""),
    ("MAX_RUNS", "1000", ""),
    ("KEYPAIR", "käy", ""),
    ("ALARM_EMAIL", "stats@localhost", "no mail address"),
    ("ALARM_EMAIL", "a@b.org,c@d.org", ""),
    ("ARCHIVE_URI", "s3://ab/archive", "3 to 63"),
    ("ARCHIVE_URI", "s3://My_Bucket/archive", "lower-case"),
    ("ARCHIVE_URI", "s3://10.0.0.1/archive", "no address"),
    ("ARCHIVE_URI", "s3://bucket/archive/", ""),
    ("AUGDIFF_SOURCE", "s3://buck..et/diffs", "single dots"),
    ("OVERPASS_URL", "https://overpass-api.de:99999", "Port out of range"),
    ("OVERPASS_URL", "https://me:secret@overpass.example.org", "A password is not for this file"),
    ("CHANGESET_SOURCE", 'https://example.org/"x', "percent-encoded"),
    ("CHANGESET_SOURCE", "https://", ""),
    ("CERTIFICATE_ARN", "arn:aws:iam::123456789012:server-certificate/x", ""),
    # of a role's policy: * ? and ${} would be more than one folder
    ("ARCHIVE_URI", "s3://bucket/*", "a role's policy names them"),
    ("ARCHIVE_URI", "s3://bucket/a?b", "a role's policy names them"),
    ("ARCHIVE_URI", "s3://bucket/${aws:username}", "percent-encoded"),
    ("AUGDIFF_SOURCE", "s3://bucket/$x/*", "a role's policy names them"),
    ("ARCHIVE_URI", "s3://bucket/archivé", "percent-encoded"),
    ("OVERPASS_URL", "https://overpass.example.org/a#b", "no server sees"),
    ("CHANGESET_SOURCE", "https://example.org/100%", "hexadecimal"),
    ("OVERPASS_URL", "https://overpass.example.org/ü", "percent-encoded"),
    ("BASE_IMAGE", "--network=host", ""),
    ("BASE_IMAGE", "python:3.11;x", ""),
    ("CERTIFICATE_ARN", "arn:aws:acm:us-east-1:123456789012:certificate/0a1b$(x)", ""),
    ("OIDC_CLIENT_ID", "stäts", ""),
    ("OIDC_SECRET_ARN", "arn:aws:secretsmanager:us-east-1:123456789012:secret:oidc-AbCdEf}}x", ""),
    ("LOCAL_PORT", "70000", "from 10 to 65535"),
]


@pytest.mark.parametrize(("name", "value", "why"), WRONG)
def test_a_wrong_value_is_refused_with_its_reason(name: str, value: str, why: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"{name} can't be '{value}'. An example: ")) as caught:
        load(AWS, LOCAL, environment=GOOD | {name: value})
    assert why in str(caught.value)


def test_good_values_at_the_edges() -> None:
    edges = {
        "CLUSTER_NAME": ["ab", "s" * 32, "a1-b2"],
        "CLIENT_CIDR": ["10.0.0.0/8", "192.168.1.7/32"],
        "ECR_REPO": ["ab", "team/stats_x", "a.b/c-d"],
        "DB_STORAGE": ["20", "65536"],
        "AWS_REGION": ["ap-southeast-1", "us-gov-west-1", "cn-north-1"],
        "INSTANCE_TYPE": ["m7i-flex.large", "m5.metal", "m7g.xlarge", "u-6tb1.metal"],
        "KEYPAIR": ["my key", "me@example"],
        "ALARM_EMAIL": ["o'neil+aws@example.co.uk"],
        "BASE_IMAGE": ["python", "registry.example.org:5000/a/b_c:3.11-slim", f"python@sha256:{'0a' * 32}"],
        "ARCHIVE_URI": ["s3://bucket/a", "s3://bucket/a/b=c/d+e"],
        "OVERPASS_URL": ["http://overpass.internal:8080/api%20x/"],
        "DB_URI": [URL.format("%24%23%25%20%40"), "postgresql://u:p@host/stats?sslmode=require"],
    }
    plain = dict.fromkeys((*OIDC, "CERTIFICATE_ARN", "UI_HOST"), "") | {
        "PLAIN_HTTP": "yes",
        "NO_LOGIN": "yes",
    }
    for name, values in edges.items():
        for value in values:  # what must be of the region is left out
            load(AWS, LOCAL, environment=GOOD | plain | {name: value})
    assert [most_storage(one) for one in (20, 100, 10_000, 65_000, 65_536)] == [
        200,
        1000,
        65536,
        65000,
        65536,
    ]


@pytest.mark.parametrize("password", ["pa%ss", "pa%2", "pa/ss", "pa@ss", "pa ss", "100%"])
def test_a_password_that_no_url_can_hold_is_refused_and_never_said(password: str) -> None:
    with pytest.raises(ConfigError, match="DB_URI can't be what it is") as caught:
        load(AWS, environment=GOOD | {"DB_URI": URL.format(f"hunter2{password}")})
    assert "hunter2" not in str(caught.value)
    assert "percent-encoded" in str(caught.value) or "%25" in str(caught.value)


@pytest.mark.parametrize("password", ["pa$ss", "p:a", "pa?ss=x", "pa#ss", "pa%20ss", "pa%25ss", "pa%40ss%2F"])
def test_a_password_survives(password: str) -> None:
    """As libpq and SQLAlchemy read it; what make takes away is seen in the file."""
    url = URL.format(password)
    config = load(AWS, environment=GOOD | {"DB_URI": url, "DAGSTER_DB_URI": url.replace("/stats", "/d")})
    assert config["DB_URI"] == url
    wanted = conninfo_to_dict(url)["password"]
    assert make_url(value_of(config["DAGSTER_DB_URI"], "DAGSTER_DB_URI")).password == wanted


SAME = [
    "postgresql://user:password@host/stats",
    "postgresql://other:secret@HOST:5432/stats",
    "postgresql://user:password@host.:5432/stats",
    "postgresql://user:password@host:05432/stats",
    "postgresql://user:p%61ssword@host:5432/st%61ts?sslmode=require",
    "postgresql://user:password@elsewhere:1/other?host=host&port=5432&dbname=stats",
    "postgresql://user:password@host:5432/stats?application_name=dagster",
]
OTHERS = [
    "postgresql://user:password@host:5433/stats",
    "postgresql://user:password@another:5432/stats",
    "postgresql://user:password@host:5432/Stats",
    "postgresql://user:password@host:5432/stats?dbname=dagster",
]


def test_one_database_is_known_by_what_the_addresses_name() -> None:
    for url in SAME:
        with pytest.raises(ConfigError, match="another database"):
            load(AWS, environment=GOOD | {"DAGSTER_DB_URI": url})
    for url in OTHERS:
        load(AWS, environment=GOOD | {"DAGSTER_DB_URI": url})


def of(region: str) -> dict[str, str]:
    return {name: value.replace("us-east-1", region) for name, value in GOOD.items()}


def test_names_are_of_the_deployment_where_nothing_is_said() -> None:
    names = [
        load(AWS, environment=of(region) | {"CLUSTER_NAME": name})["INSTANCE_ROLE"]
        for name in ("one", "s" * 32)
        for region in ("us-east-1", "ap-southeast-1")
    ]
    assert names[0] == "one-us-east-1-instance"
    assert len(set(names)) == 4
    assert max(map(len, names)) <= 64
    config = load(AWS, environment=GOOD | {"CLUSTER_NAME": "one"})
    assert (config["ECR_REPO"], config["AWS_LOG_GROUP"]) == ("one", "one")
    assert load(AWS, environment=GOOD | {"ECR_REPO": "mine"})["ECR_REPO"] == "mine"


def test_what_must_be_of_one_region_and_one_processor() -> None:
    wrong = {
        "CERTIFICATE_ARN": "arn:aws:acm:eu-west-1:123456789012:certificate/0a1b",
        "OIDC_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:oidc-AbCdEf",
        "ECR_REPO": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/stats",
        "ARCHITECTURE": "arm64",
    }
    for name, value in wrong.items():
        with pytest.raises(ConfigError, match=f"{name} is "):
            load(AWS, environment=GOOD | {name: value})
    fargate = load(AWS, environment=GOOD | {"ARCHITECTURE": "arm64", "LAUNCH_TYPE": "FARGATE"})
    assert fargate.architecture == "arm64"
    kinds = {"m5.xlarge": "x86_64", "m7g.xlarge": "arm64", "a1.large": "arm64", "g4dn.xlarge": "x86_64"}
    kinds |= {
        "im4gn.large": "arm64",
        "c7gn.large": "arm64",
        "m7i-flex.large": "x86_64",
        "g5g.xlarge": "arm64",
    }
    kinds |= {"t3a.large": "x86_64", "x2gd.large": "arm64", "i4i.large": "x86_64", "p4d.24xlarge": "x86_64"}
    for kind, wanted in kinds.items():
        assert load(AWS, environment=GOOD | {"INSTANCE_TYPE": kind}).architecture == wanted, kind


LINES = {
    "DB_URI := postgresql://u:pa$ss@host/stats": r"DB_URI has a \$",
    "DB_URI := postgresql://u:pa#ss@host/stats": "DB_URI has a #",
    "DB_URI = postgresql://u:hunter2$(nobody)@host/stats": r"DB_URI has a \$",
    "DB_URI := postgresql://u:x@host/stats\\": r"goes on in the next line",
    "OIDC_CLIENT_ID := a$b": r"OIDC_CLIENT_ID has a \$",
}
TAKEN = [
    "DB_URI := postgresql://u:pa$$ss@host/stats",
    "DB_URI := postgresql://u:%24%23@host/stats",
    "MAX_RUNS := 4 # at most",
    "AWS_LOG_GROUP := $(CLUSTER_NAME)/logs",
    "DB_URI := $(shell pass show stats)",
    "DB_URI := ${DATABASE}",
    "# DB_URI := $x",
    "",
]


def test_what_make_takes_away_is_named(tmp_path: Path) -> None:
    file = tmp_path / "config-aws.mk"
    for line, words in LINES.items():
        file.write_text(f"CLUSTER_NAME := x\n{line}\n")
        [wrong] = makefile.complaints(file, AWS, {})
        assert re.search(words, wrong)
        assert "hunter2" not in wrong
    for line in TAKEN:
        file.write_text(f"CLUSTER_NAME := x\n{line}\n")
        assert makefile.complaints(file, AWS, {"DATABASE": "postgresql://"}) == [], line
    assert makefile.complaints(tmp_path / "none.mk", AWS, {}) == []


NEARLY = {
    "MAX_RUN": "MAX_RUNS",
    "READ_ONLY_CIDRS": "READ_ONLY_CIDR",
    "ALARM_MAIL": "ALARM_EMAIL",
    "DB_STORAG": "DB_STORAGE",
    "AUGDIF_START": "AUGDIFF_START",
    "DB_URL": "DB_URI",
    "AWS_REGIONS": "AWS_REGION",
}
OWN = [
    "AWS_PROFILE",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "CONTAINERS",
    "PASSWORD",
    "LOCAL_OVERPASS_URL",
]


def test_a_misspelt_one_is_named(tmp_path: Path) -> None:
    """An optional one would be left out in silence."""
    file = tmp_path / "config-aws.mk"
    for name, meant in NEARLY.items():
        file.write_text(f"{name} := 1\n")
        assert makefile.complaints(file, AWS, {}) == [
            f"{name} is no variable of the kit. Did you mean {meant}?"
        ]
    for name in OWN:
        file.write_text(f"{name} := 1\n")
        assert makefile.complaints(file, AWS, {}) == [], name
    file.write_text("SUBNET_A := subnet-1\nSUBNETS := $(SUBNET_A),subnet-2\n")
    assert makefile.complaints(file, AWS, {}) == [], "it is used"


def test_without_make_the_variables_are_those_that_make_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By python -m deploy.kit STEP, whose exit code make would not hand on."""
    (tmp_path / "Makefile").write_text((HERE / "Makefile").read_text())
    assert makefile.values(tmp_path, AWS) == {}
    wanted = {"VPC": "vpc-0123456789abcdef0", "DB_URI": "postgresql://u:a$b@h/d e"}
    (tmp_path / "config-aws.mk").write_text(
        "A := vpc-0123456789abcdef0\nVPC := $(A)\nDB_URI := postgresql://u:a$$b@h/d e\nUSER_AGENT := no\n"
    )
    for name in (*AWS, "CONTAINERS"):
        monkeypatch.delenv(name, raising=False)
    assert makefile.values(tmp_path, AWS) == wanted | {"CONTAINERS": "docker"}
    (tmp_path / "config-aws.mk").write_text("VPC := $(error no)\n")
    assert makefile.values(tmp_path, AWS) == {}


def test_make_lists_the_steps_in_the_order_of_the_readme() -> None:
    listed = re.findall(r"^([a-z.-]+):.*## ", (HERE / "Makefile").read_text(), re.MULTILINE)
    table = (HERE / "README.md").read_text().partition("## The steps")[2].partition("| later |")[0]
    first = re.findall(r"^\| `make ([a-z-]+)` ", table, re.MULTILINE)
    assert listed[1 : 1 + len(first)] == first


def test_make_does_with_a_line_what_is_said_of_it(tmp_path: Path) -> None:
    """The reason for all of this, by make itself."""
    file = tmp_path / "Makefile"
    for line, kept in (("pa$ss", "pas"), ("pa#ss", "pa"), ("pa%ss", "pa%ss"), ("pa$$ss", "pa$ss")):
        file.write_text(f"X := {line}\nexport\nall:\n\t@printenv X\n")
        done = subprocess.run(["make", "-sf", str(file)], capture_output=True, text=True, check=True)  # noqa: S603, S607
        assert done.stdout.rstrip("\n") == kept


def test_the_tag_says_what_is_in_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*words: str) -> None:
        told = ["-c", "user.name=x", "-c", "user.email=x@example.org", *words]
        subprocess.run(["git", *told], cwd=tmp_path, capture_output=True, check=True)  # noqa: S603, S607

    monkeypatch.setattr(image, "PROJECT", tmp_path)
    assert image.commit() == image.UNKNOWN, "a folder without git"
    git("init")
    assert image.commit() == image.UNKNOWN, "no commit"
    (tmp_path / "a.py").write_text("a")
    git("add", "a.py")
    git("commit", "-m", "one")
    clean = image.commit()
    assert re.fullmatch(r"[0-9a-f]{10}", clean)
    (tmp_path / "b.py").write_text("b")
    assert image.commit() == f"{clean}-dirty", "an untracked file"
    (tmp_path / "b.py").unlink()
    (tmp_path / "a.py").write_text("b")
    assert image.commit() == f"{clean}-dirty", "a changed one"
    monkeypatch.setattr(image, "PROJECT", tmp_path / "unpacked")
    (tmp_path / "unpacked").mkdir()
    assert image.commit() == image.UNKNOWN, "another's checkout"
    monkeypatch.setenv("PATH", str(tmp_path / "unpacked"))
    assert image.commit() == image.UNKNOWN, "no git"


@pytest.mark.parametrize("mode", ["prefer", "allow", "", "VERIFY-FULL", "on"])
def test_what_would_do_without_tls_when_asked_to_is_refused(mode: str) -> None:
    for url in (f"{URL.format('p')}?sslmode={mode}", f"{URL.format('p')}?%73slmode={mode}"):
        with pytest.raises(ConfigError, match="sslmode can't be"):
            load(AWS, environment=GOOD | {"DB_URI": url})


@pytest.mark.parametrize("place", ["%2Ftmp/stats", "host/stats?host=/tmp", "host/stats?host=@x"])
def test_a_socket_is_no_place_for_a_task(place: str) -> None:
    with pytest.raises(ConfigError, match="a socket is no host for a task"):
        load(AWS, environment=GOOD | {"DB_URI": f"postgresql://user:password@{place}"})


@pytest.mark.parametrize("mode", ["disable", "require", "verify-ca"])
def test_a_weaker_tls_is_said(mode: str) -> None:
    """By check-config and by secrets, without the password; what the URL says stays."""
    url = f"{URL.format('hunter2')}?sslmode={mode}"
    said: list[str] = []
    config = load(AWS, environment=GOOD | {"DB_URI": url})
    database.check(Aws("us-east-1", say=said.append), config)
    [line] = said
    assert line.startswith(f"DB_URI says sslmode={mode}: ")
    assert "hunter2" not in line
    assert certificates.verified(url).startswith(url)


def test_a_region_whose_authority_the_image_lacks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of others than AWS's main partition, and of some new ones: no container would get a connection."""
    monkeypatch.setattr(certificates, "FOLDER", tmp_path)
    plain = dict.fromkeys((*OIDC, "CERTIFICATE_ARN", "UI_HOST"), "")
    plain |= {"PLAIN_HTTP": "yes", "NO_LOGIN": "yes", "DB_URI": "", "DAGSTER_DB_URI": ""}
    aws = Aws("us-east-1")
    for region, known in (("eu-west-1", True), ("us-gov-west-1", False), ("cn-north-1", False)):
        own = load(
            AWS, environment=GOOD | plain | {"AWS_REGION": region, "DB_INSTANCE_CLASS": "db.t4g.large"}
        )
        host = f"x.abc.{region.upper()}.rds.amazonaws.com{'.cn' * region.startswith('cn-')}"
        theirs = load(AWS, environment=GOOD | {"DB_URI": f"postgresql://u:p@{host}:5432/stats"})
        if known:
            database.check(aws, own)
            assert f"sslrootcert={certificates.RDS}" in database.urls(aws, theirs)["DB_URI"]
            continue
        for step in (
            lambda own=own: database.check(aws, own),
            lambda own=own: database.bring(aws, own),
            lambda theirs=theirs: database.check(aws, theirs),
            lambda theirs=theirs: database.urls(aws, theirs),
        ):
            with pytest.raises(Refused, match=rf"RDS's authority of {region} .* deploy/instance/database-ca"):
                step()
        (tmp_path / DATABASE_CA).touch()
        database.check(aws, own)
        assert "instance/database-ca.pem" in database.urls(aws, theirs)["DB_URI"]
        (tmp_path / DATABASE_CA).unlink()

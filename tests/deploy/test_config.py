"""The variables: all in the templates, and named with an example when missing or malformed."""

import re
import subprocess
from pathlib import Path

import pytest

from deploy.kit.config import ConfigError, load
from deploy.kit.variables import AWS, LOCAL

DEPLOY = Path(__file__).parents[2] / "deploy"
DATABASES = {name: AWS[name].example for name in ("DB_URI", "DAGSTER_DB_URI")}
GOOD = DATABASES | {
    name: variable.example for name, variable in {**AWS, **LOCAL}.items() if variable.required
}


def test_good_ones() -> None:
    config = load(AWS, LOCAL, environment=GOOD | {"AUGDIFF_START": " 7000000 "})
    assert config["AUGDIFF_START"] == "7000000"
    assert config.settings["AUGMENTED_DIFFS_START"] == "7000000"
    assert "AUGMENTED_DIFFS_URL" not in config.settings
    assert not any("password" in value for value in config.settings.values())


def test_every_missing_one_is_named_with_an_example() -> None:
    with pytest.raises(ConfigError) as caught:
        load(AWS, environment={})
    for name, variable in AWS.items():
        assert (
            f"{name} is not set. An example: {variable.example}" in str(caught.value)
        ) is variable.required


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLUSTER_NAME", "Stats Assets"),
        ("SUBNETS", "subnet-0123456789abcdef0 subnet-0123456789abcdef1"),
        ("SUBNETS", "subnet-0123456789abcdef0"),
        ("SECURITY_GROUP", "default"),
        ("AUGDIFF_START", "minus one"),
        ("AUGDIFF_SOURCE", "/home/me/diffs"),
        ("ECR_REPO", "https://123456789012.dkr.ecr.us-east-1.amazonaws.com/stats"),
        ("CLIENT_CIDR", "0.0.0.0/0"),
        ("INSTANCE_TYPE", "m5"),
    ],
)
def test_a_malformed_one_is_named_with_its_value(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"{name} can't be '{value}'. An example: ")):
        load(AWS, environment=GOOD | {name: value})


def test_of_some_words_all_are_said() -> None:
    for name, words in {
        "LAUNCH_TYPE": "EC2 or FARGATE",
        "RUNS": "mixed or tasks or processes",
        "EXEC": "yes or no",
        "STORE": "yes or no",
        "ARCHITECTURE": "x86_64 or arm64",
        "NO_LOGIN": "yes",
    }.items():
        with pytest.raises(ConfigError, match=rf"{name} can't be 'another'\. It is {words}(\n|$)"):
            load(AWS, environment=GOOD | {name: "another"})


def test_a_store_needs_a_machine() -> None:
    assert load(AWS, environment=GOOD | {"STORE": "yes"}).code_provider == f"{GOOD['CLUSTER_NAME']}-store"
    with pytest.raises(ConfigError, match="STORE needs LAUNCH_TYPE EC2"):
        load(AWS, environment=GOOD | {"STORE": "yes", "LAUNCH_TYPE": "FARGATE"})


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("CLIENT_CIDR", "0.0.0.0/0", "too much of the world"),
        ("READ_ONLY_CIDR", "10.1.2.3", "10.1.2.3/32"),
        ("SUBNETS", "subnet-0123456789abcdef0, subnet-0123456789abcdef1", "without spaces"),
        ("AWS_REGION", "us-est-1", "us-east-1"),
    ],
)
def test_a_malformed_one_is_said_with_its_reason(name: str, value: str, why: str) -> None:
    with pytest.raises(
        ConfigError, match=re.escape(f"{name} can't be '{value}'. An example: ") + f".* - .*{why}"
    ):
        load(AWS, environment=GOOD | {name: value})


def test_an_example_is_of_its_own_variable() -> None:
    """Of an address: the one that the template has."""
    for file, table in (("config-aws", AWS), ("config-local", LOCAL)):
        text = (DEPLOY / f"{file}.mk.tpl").read_text()
        for name, value in re.findall(r"^(\w+)\s*:=[ ]*(https://\S+)$", text, re.MULTILINE):
            assert table[name].example == value, name


def test_a_secret_is_never_shown() -> None:
    with pytest.raises(ConfigError, match="DB_URI") as caught:
        load(AWS, environment=GOOD | {"DB_URI": "mysql://me:hunter2@host/db"})
    assert "hunter2" not in str(caught.value)


def test_dagsters_database_is_another_one() -> None:
    with pytest.raises(ConfigError, match="another database"):
        load(AWS, environment=GOOD | {"DAGSTER_DB_URI": GOOD["DB_URI"]})


def test_a_database_is_named_or_made_and_not_both() -> None:
    with pytest.raises(ConfigError, match="DAGSTER_DB_URI is not set, and neither is DB_INSTANCE_CLASS"):
        load(AWS, environment=GOOD | {"DAGSTER_DB_URI": ""})
    none = dict.fromkeys(DATABASES, "")
    assert load(AWS, environment=GOOD | none | {"DB_INSTANCE_CLASS": "db.t4g.large"}).own_database
    with pytest.raises(ConfigError, match="DB_URI and DAGSTER_DB_URI: leave empty"):
        load(AWS, environment=GOOD | {"DB_INSTANCE_CLASS": "db.t4g.large"})


HTTPS = {"CERTIFICATE_ARN": "", "UI_HOST": ""}
LOGIN = {name: "" for name in AWS if name.startswith("OIDC_")}


@pytest.mark.parametrize("lacking", [*HTTPS, *LOGIN])
def test_https_and_a_login_are_wanted(lacking: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{lacking} is not set.*(PLAIN_HTTP|NO_LOGIN) := yes"):
        load(AWS, environment=GOOD | {lacking: ""})


def test_what_is_left_out_is_said() -> None:
    assert not load(AWS, environment=GOOD | LOGIN | {"NO_LOGIN": "yes"})["OIDC_ISSUER"]
    plain = GOOD | LOGIN | HTTPS | {"PLAIN_HTTP": "yes"}
    assert load(AWS, environment=plain | {"NO_LOGIN": "yes"})["PLAIN_HTTP"] == "yes"
    with pytest.raises(ConfigError, match="only for HTTPS"):
        load(AWS, environment=plain)
    with pytest.raises(ConfigError, match="OIDC_ISSUER is not set"):
        load(AWS, environment=plain)
    with pytest.raises(ConfigError, match="PLAIN_HTTP can't be 'true'"):
        load(AWS, environment=plain | {"NO_LOGIN": "yes", "PLAIN_HTTP": "true"})


@pytest.mark.parametrize("word", ["PLAIN_HTTP", "NO_LOGIN"])
def test_what_is_left_out_is_not_there(word: str) -> None:
    with pytest.raises(ConfigError, match=f"{word} and .* can't both be set"):
        load(AWS, environment=GOOD | {word: "yes"})


def test_nobody_is_let_in_by_default() -> None:
    with pytest.raises(ConfigError, match="CLIENT_CIDR is not set"):
        load(AWS, environment=GOOD | {"CLIENT_CIDR": ""})


@pytest.mark.parametrize(("file", "table"), [("config-aws", AWS), ("config-local", LOCAL)])
def test_the_templates_have_every_variable_and_lack_what_only_a_person_knows(
    file: str, table: dict[str, object]
) -> None:
    text = (DEPLOY / f"{file}.mk.tpl").read_text()
    values = dict(re.findall(r"^(\w+)\s*:=[ ]*(.*)$", text, re.MULTILINE))
    assert set(values) == set(table)
    if file == "config-local":
        load(LOCAL, environment=values)
        return
    with pytest.raises(ConfigError) as caught:
        load(AWS, environment=values)
    named = {line.partition(" ")[0] for line in str(caught.value).splitlines()}
    assert named == {
        *("VPC", "SUBNETS", "SECURITY_GROUP", "DB_URI", "DAGSTER_DB_URI"),
        *("CLIENT_CIDR", *HTTPS, *LOGIN),
    }
    load(AWS, environment=values | {name: AWS[name].example for name in named})


def test_the_filled_in_files_are_ignored_by_git() -> None:
    if not (DEPLOY.parent / ".git").exists():
        pytest.skip("this is no git checkout")
    for name in ("config-aws.mk", "config-local.mk", "docker-compose.deploy.yml", "rendered/dagster.yaml"):
        done = subprocess.run(["git", "check-ignore", "-q", name], cwd=DEPLOY, check=False)  # noqa: S603, S607
        assert done.returncode == 0, name

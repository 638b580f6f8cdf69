"""What a deployment has of its own in the image: more settings, and files that they name."""

from importlib.resources import files
from pathlib import Path

import pytest

from deploy.kit import __main__ as kit
from deploy.kit import cluster, image, instance, repository
from deploy.kit.aws import Refused
from deploy.kit.config import load
from deploy.kit.render import HERE
from deploy.kit.variables import AWS, LOCAL
from stats_assets.settings import Settings
from tests.deploy.conftest import Account
from tests.deploy.test_config import GOOD

CATEGORIES = (files("stats_assets.osm") / "data" / "categories.yaml").read_text()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In place of deploy/instance/."""
    made = tmp_path / "instance"
    made.mkdir()
    (made / "README.md").write_text("not for the image")
    monkeypatch.setattr(instance, "FOLDER", made)
    return made


def test_settings_and_files_are_found_by_the_programs(
    account: Account, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "settings.env").write_text("POLL_SECONDS=5\nCATEGORIES_FILE=instance/mine.yaml\n")
    (folder / "mine.yaml").write_text(CATEGORIES)
    cluster.configure(account.aws(), account.config)
    for name, content in instance.files(account.aws(), account.config).items():
        (tmp_path / "srv" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "srv" / name).write_bytes(content)
    monkeypatch.chdir(tmp_path / "srv")
    found = Settings(_env_file=".env")
    assert found.poll_seconds == 5
    assert found.categories_file is not None
    assert found.categories_file.read_text() == CATEGORIES
    there = sorted(file.name for file in (tmp_path / "srv").rglob("*") if file.is_file())
    assert there == [".env", "dagster.yaml", "mine.yaml", "workspace.yaml"]


def test_others_are_another_image_and_none_is_needed(account: Account, folder: Path) -> None:
    repository.uri(account.aws(), account.config)
    cluster.configure(account.aws(), account.config)
    tags = [image.deployed_tag(account.aws(), account.config)]
    for content in ("POLL_SECONDS=5", "POLL_SECONDS=6"):
        (folder / "settings.env").write_text(content)
        tags.append(image.deployed_tag(account.aws(), account.config))
    (folder / "README.md").write_text("changed")
    assert image.deployed_tag(account.aws(), account.config) == tags[-1]
    assert len(set(tags)) == 3


WRONG = {
    "POLL_SECOND=5": "Did you mean POLL_SECONDS",
    "FAR_AWAY=5": "FAR_AWAY is no setting",
    "POLL_SECONDS: 5": "line 1 can't be read",
    "POLL_SECONDS": "POLL_SECONDS has no value",
    "RETRY_ATTEMPTS=5\nRETRY_ATTEMPTS=6": "The last one counts",
    "POLL_SECONDS=soon": "POLL_SECONDS: ",
    "DATABASE_URL=postgresql://me:secret@host/db": "DATABASE_URL is not set here",
    "READ_DATABASE_URL=postgresql://me:secret@host/db": "READ_DATABASE_URL is not set here",
    "ALERT_URL=https://hooks.example.org/secret": "ALERT_URL is not set here",
    "OVERPASS_URL=https://example.org": "OVERPASS_URL is not set here",
    "CATEGORIES_FILE=/somewhere/mine.yaml": "An example: instance/mine.yaml",
    "CATEGORIES_FILE=instance/none.yaml": "none.yaml",
    "CATEGORIES_FILE=instance/broken.yaml": "broken.yaml",
    "REGIONS_FILE=instance/broken.yaml": "REGIONS_FILE: ",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_can_not_be_used_is_named(line: str, folder: Path) -> None:
    (folder / "settings.env").write_text(line)
    (folder / "broken.yaml").write_text("roads: [")
    with pytest.raises(Refused, match=r"settings\.env can't be used") as refused:
        instance.own()
    assert WRONG[line] in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_database_ca_that_is_none_is_named(folder: Path) -> None:
    (folder / "database-ca.pem").write_text("-----BEGIN CERTIFICATE-----")
    with pytest.raises(Refused, match=r"database-ca\.pem beside it is no certificate"):
        instance.own()
    (folder / "database-ca.pem").write_bytes((HERE / "certificates" / "rds.pem").read_bytes())
    assert "instance/database-ca.pem" in instance.own()


def test_the_first_step_names_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    assert kit.main(["check-config"]) == 0
    (folder / "settings.env").write_text("POLL_SECOND=5")
    assert kit.main(["check-config"]) == 1
    assert "POLL_SECOND is no setting" in capsys.readouterr().err


def test_what_the_environment_has_is_refused() -> None:
    told = load(AWS, LOCAL, environment=GOOD).settings
    assert {name for name in told if name.lower() in Settings.model_fields} <= {*instance.GIVEN}

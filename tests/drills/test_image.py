"""The image, built and run: as its unprivileged user, on a read-only root file system, with the health checks of the
task definitions; then pushed to a registry by the kit.

By Debian's buildah and docker-registry, as root, on a base that is at hand: see BASE below.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from deploy.kit import cluster, image, instance, repository
from stats_assets.demo.feed import DemoFeed
from tests.deploy.conftest import Account, account, moto  # noqa: F401
from tests.drills.production import ROLES, machine
from tests.drills.streams import Streams
from tests.drills.test_production import settings  # noqa: F401
from tests.drills.waiting import until

BASE = "DRILL_BASE_IMAGE"
"""Names the base; `mmdebstrap` or debootstrap and `buildah commit` make one of bookworm, python3 and python3-venv."""
FLAGS = "DRILL_BUILD_FLAGS"
"""What `buildah build` needs here beside, such as `-v` for certificates."""
ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
PASSWORD = "123456789012-auth-token"  # noqa: S105 - moto's
HASHED = "AWS:$2y$05$p9iql9FhPKr7CWkw93dbIuwZxWHTxnR5H1pYsLmrMuiGb9LtbGZ.2\n"
"""By `htpasswd -B`."""
CONTAINERS = """#!/bin/sh
# buildah with this machine's peculiarities, in place of docker; ECR's name leads to a registry on this machine
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
export CONTAINERS_REGISTRIES_CONF={folder}/registries.conf REGISTRY_AUTH_FILE={folder}/auth.json
command=$1; shift
[ $command != login ] || set -- --tls-verify=false "$@"
[ $command != build ] || set -- --format docker {flags} "$@"
exec unshare --mount sh -c 'mount --bind {folder}/hosts /etc/hosts; exec buildah "$@"' sh $command "$@"
"""
REGISTRY = """
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}/registry}}}}
http: {{addr: "127.0.0.1:80"}}
auth: {{htpasswd: {{realm: ecr, path: {folder}/htpasswd}}}}
"""
INSIDE = """
root=$1 home=$2 sockets=$3; shift 3
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t tmpfs tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/dev/shm"
mount --bind "$home" "$root/srv/stats-assets"
mkdir -p "$root/$sockets"
for socket in "$sockets"/.s.PGSQL.*[0-9]; do
  chmod 777 "$socket"; touch "$root/$socket"; mount --bind "$socket" "$root/$socket"
done
cd /
exec chroot --userspec=1000:1000 "$root" /usr/bin/env -i -C /srv/stats-assets "$@"
"""


@pytest.fixture
def containers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the kit calls in place of docker."""
    if os.geteuid() or not shutil.which("buildah"):
        pytest.skip("needs buildah, and to be root")
    if BASE not in os.environ:
        pytest.skip(f"{BASE} names no base image")
    program = tmp_path / "containers"
    program.write_text(CONTAINERS.format(folder=tmp_path, flags=os.environ.get(FLAGS, "")))
    program.chmod(0o755)
    (tmp_path / "hosts").write_text(f"{Path('/etc/hosts').read_text()}\n127.0.0.1 {ECR}\n")
    (tmp_path / "registries.conf").write_text(f'[[registry]]\nlocation = "{ECR}"\ninsecure = true\n')
    monkeypatch.setenv("CONTAINERS", str(program))
    monkeypatch.setattr(image, "commit", lambda: "drill")
    return program


@pytest.fixture
def root(containers: Path, account: Account) -> Iterator[Path]:  # noqa: F811
    """The built image's root file system."""
    account.variables["BASE_IMAGE"] = os.environ[BASE]
    image.build(account.aws(), account.config)
    with mounted(f"localhost/stats-assets:{image.tag()}") as files:
        yield files


@contextmanager
def mounted(name: str) -> Iterator[Path]:
    """The image's files."""

    def buildah(*words: str) -> str:
        return subprocess.run(["buildah", *words], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603, S607

    container = buildah("from", "--pull-never", name)
    try:
        yield Path(buildah("mount", container))
    finally:
        buildah("rm", container)


@pytest.mark.timeout(900)
def test_the_image_runs_the_stream_and_is_pushed(
    root: Path,
    account: Account,  # noqa: F811
    feed: DemoFeed,
    url: str,
    settings: dict[str, str],  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [sockets] = parse_qs(urlsplit(url).query)["host"]

    def inside(folder: Path, command: Sequence[str], told: Mapping[str, str]) -> list[str]:
        path = "PATH=/opt/stats-assets/bin:/usr/local/bin:/usr/bin:/bin"
        told = dict(told) | {"DAGSTER_HOME": "/srv/stats-assets", "STATS_DATA_DIR": "/tmp/stats-assets"}  # noqa: S108
        variables = [path, *(f"{name}={value}" for name, value in told.items())]
        begin = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", INSIDE, "sh"]
        return [*begin, str(root), str(folder), sockets, *variables, *command]

    streams = Streams(feed, url)
    with machine(tmp_path / "machine", settings, inside) as production:
        production.migrate()
        assert production.run(["sh", "-c", "test $(id -u) = 1000 && touch /tmp/here"]).returncode == 0
        for place in ("/srv/here", "/opt/stats-assets/here", "/here"):
            assert "Read-only file system" in production.run(["touch", place]).stderr
        production.start().switch_on()
        streams.go_on("the start")
        streams.must_be_exact()
        assert all(production.is_healthy(role) for role in ROLES)
        production.die()
        assert not any(production.is_healthy(role) for role in ("code", "webserver"))
    size = sum(path.lstat().st_size for path in root.rglob("*") if path.is_file()) / 1e6
    with capsys.disabled():
        print(f"\n  the image's files: {size:.0f} MB")
    if shutil.which("docker-registry"):
        monkeypatch.setattr(instance, "FOLDER", tmp_path / "instance")
        is_pushed(account, tmp_path)


def is_pushed(account: Account, tmp_path: Path) -> None:  # noqa: F811
    """To a registry with ECR's name and login on this machine; with what the deployment has of its own."""
    config = account.config
    instance.FOLDER.mkdir()
    (instance.FOLDER / "settings.env").write_text("POLL_SECONDS=5\n")
    (tmp_path / "registry.yml").write_text(REGISTRY.format(folder=tmp_path))
    (tmp_path / "htpasswd").write_text(HASHED)
    repository.uri(account.aws(), config)
    cluster.configure(account.aws(), config)
    server = subprocess.Popen(["docker-registry", "serve", str(tmp_path / "registry.yml")])  # noqa: S603, S607
    try:
        until(lambda: requests.get("http://127.0.0.1/v2/", timeout=5).status_code == 401, "the registry")
        image.push(account.aws(), config)
        tags = requests.get(
            "http://127.0.0.1/v2/stats-assets/tags/list", auth=("AWS", PASSWORD), timeout=30
        ).json()
        assert tags["tags"] == [image.deployed_tag(account.aws(), config)]
        with mounted(image.address(account.aws(), config)) as files:
            assert (files / "srv/stats-assets/.env").read_text() == "POLL_SECONDS=5\n"
            assert "MixedRuns" in (files / "srv/stats-assets/dagster.yaml").read_text()
    finally:
        server.kill()
        server.wait()

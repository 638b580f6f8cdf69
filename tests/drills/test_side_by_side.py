"""Two demos and the live system on one machine, two of them in one project: they share nothing."""

from tests.drills.exact import is_exact
from tests.drills.stack import DemoStack, DevStack, demo_stack, running

LASTING = ("supervisor", "feed", "code", "webserver", "daemon", "keeper", "postgres")
TOO_LONG_FOR_A_SOCKET = f"{'long' * 30}/a project"


def sensors(stack: DemoStack | DevStack) -> dict[str, str]:
    query = (
        "{repositoriesOrError {... on RepositoryConnection {nodes {sensors {name sensorState {status}}}}}}"
    )
    [repository] = stack.graphql(query)["repositoriesOrError"]["nodes"]
    return {one["name"]: one["sensorState"]["status"] for one in repository["sensors"]}


WORLD = {"history": 30, "interval": 1e9}  # no more minutes: three stacks are work enough for a small machine


def test_two_demos_and_the_live_system_share_nothing() -> None:
    with (
        demo_stack(**WORLD) as demo,
        demo_stack(**WORLD, name=TOO_LONG_FOR_A_SOCKET) as other,
        running(DevStack(demo)) as dev,
    ):
        assert sensors(demo)["changesets_stream"] == sensors(other)["changesets_stream"] == "RUNNING"
        assert sensors(dev)["changesets_stream"] == "STOPPED"
        below = dev.root / "docs" / "deep"
        below.mkdir(parents=True)
        addressed = {
            dev: below,
            demo: demo.home / ".data",
            other: other.home / ".dagster",
        }
        assert len({stack.url for stack in addressed}) == 3
        for stack, folder in addressed.items():
            assert stack.run("database-url", cwd=folder).stdout.strip() == stack.url
        refused = demo.run("demo", cwd=below)
        assert refused.returncode == 2
        assert f"runs already for {demo.home}" in refused.stderr
        with dev.connect() as connection:
            assert connection.execute("SELECT count(*) FROM ledger").fetchone() == (0,)
        others = {pid for stack in (demo, other) for role in LASTING for pid in stack.pids(role)}
        assert len(others) == 2 * len(LASTING)
        assert (
            len(dev.kill("supervisor", "guardian", "code", "webserver", "daemon", "keeper", "postgres")) == 7
        )
        dev.start()
        assert others == {pid for stack in (demo, other) for role in LASTING for pid in stack.pids(role)}
        for stack in (demo, other):
            stack.until(stack.is_caught_up, "both streams to be where the feed is")
            is_exact(stack)

"""An AWS account for tests: moto's server, a network in it, and the kit's variables for both."""

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
import requests
import yaml
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.loaders import JSONFileLoader
from botocore.model import OperationModel

from deploy.kit import cluster, role, secrets, services
from deploy.kit.aws import Aws
from deploy.kit.config import Config, load
from deploy.kit.variables import AWS, LOCAL
from tests.bucket import no_credentials_of_the_machine
from tests.deploy.rules import wrong
from tests.drills.waiting import PATIENCE

REGION = "us-east-1"


@dataclass
class Account:
    """The account's address and the kit's variables. calls: what was asked of it; said: what the kit said."""

    url: str
    variables: dict[str, str]
    calls: list[str]
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=lambda: ASKED)
    """Each call's parameters."""
    said: list[str] = field(default_factory=list)

    @property
    def config(self) -> Config:
        return load(AWS, LOCAL, environment=self.variables)

    def aws(self, *, dry_run: bool = False, region: str = REGION) -> Aws:
        """As a step has it; each call is recorded as service:operation."""
        made = Aws(region, dry_run=dry_run, say=self.said.append, pause=0.05)
        made.client = lambda service: _client(self.url, service, region, recorded=True)  # type: ignore[method-assign]
        return made

    def complaints(self) -> list[str]:
        """What AWS would have against the calls, where moto has not (rules.py)."""
        return [said for call, given in self.asked for said in wrong(model_of(*call.split(":")), given)]

    def client(self, service: str, region: str = REGION) -> Any:
        return _client(self.url, service, region, recorded=False)


CALLS: list[str] = []
ASKED: list[tuple[str, dict[str, Any]]] = []


def model_of(service: str, operation: str) -> OperationModel:
    """An operation in botocore's model."""
    found: OperationModel = _session()._session.get_service_model(service).operation_model(operation)
    return found


@cache
def _client(url: str, service: str, region: str, *, recorded: bool) -> Any:
    """One for all tests of a process: to make one takes long. What it asks goes to moto by a call, not by a socket."""
    made = _session().client(service, region_name=region, endpoint_url=url)
    made.meta.events.register("before-send", _answered)
    if recorded:
        made.meta.events.register(
            "before-call", lambda model, **_: CALLS.append(f"{model.service_model.service_name}:{model.name}")
        )
        made.meta.events.register(
            "provide-client-params",
            lambda params, model, **_: ASKED.append(
                (f"{model.service_model.service_name}:{model.name}", dict(params))
            ),
        )
    return made


class _Raw(io.BytesIO):
    """A body, as botocore reads one."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _answered(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
    """What moto's server would answer; two thirds of what a request of it costs."""
    from werkzeug.test import EnvironBuilder, run_wsgi_app

    body = request.body or b""
    address = urlsplit(request.url)
    asked = EnvironBuilder(
        method=request.method,
        base_url=f"{address.scheme}://{address.netloc}",
        path=address.path or "/",
        query_string=address.query,
        headers={
            name: value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        },
        data=body.encode() if isinstance(body, str) else body,
    )
    parts, status, headers = run_wsgi_app(_application(), asked.get_environ(), buffered=True)
    return AWSResponse(request.url, int(status.split()[0]), headers, _Raw(b"".join(parts)))


@cache
def _application() -> Any:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    return DomainDispatcherApplication(create_backend_app)


@cache
def _session() -> boto3.Session:
    return boto3.Session(region_name=REGION)


@cache
def _managed_policies() -> str:
    """Those of AWS's that the kit names: moto reads all 1,300 anew for each test."""
    from moto.iam import models as iam

    known = json.loads(iam.aws_managed_policies_data)
    wanted = ("AmazonEC2ContainerServiceforEC2Role", "AmazonECSTaskExecutionRolePolicy")
    return json.dumps({name: known[name] for name in wanted})


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The server's address; each test has it empty. Only the worker that has these tests imports it, for a second.
    One for all of a process: clients, which are dear, are made of an address.
    """
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(port=0, verbose=False)
    with pytest.MonkeyPatch.context() as patch:
        _spare(patch)
        server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()


def _spare(patch: pytest.MonkeyPatch) -> None:
    """What moto and botocore do anew for each account, session or call, and took half of these tests' time: a key of
    2,048 bits, hundreds of machine images that nobody asks for, those that are recommended, a list of its own folders,
    YAML read in Python, the models of services.
    """
    from moto import backends as moto_backends
    from moto.acm import models as acm
    from moto.cloudformation.utils import yaml_tag_constructor
    from moto.core.utils import method_names_from_class
    from moto.iam import models as iam
    from moto.ssm.models import ParameterDict

    class Fast(yaml.CLoader):
        pass

    Fast.add_multi_constructor("", yaml_tag_constructor)

    patch.setattr(iam, "aws_managed_policies_data", _managed_policies())
    made = cache(acm.CertBundle.generate_cert)
    patch.setattr(
        acm.CertBundle,
        "generate_cert",
        lambda domain_name, account_id, region, **_: made(domain_name, account_id, region),
    )
    patch.setattr(ParameterDict, "_load_tree_parameters", _recommended(ParameterDict._load_tree_parameters))
    patch.setattr(yaml, "Loader", Fast)
    patch.setattr("moto.core.responses.method_names_from_class", cache(method_names_from_class))
    modules = tuple(moto_backends.list_of_moto_modules())
    patch.setattr(moto_backends, "list_of_moto_modules", lambda: modules)
    patch.setattr(JSONFileLoader, "_load_file", _once_a_path(JSONFileLoader._load_file))
    patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")


def _once_a_path(load: Callable[[Any, str, Any], Any]) -> Callable[[Any, str, Any], Any]:
    """What botocore's files say; one that isn't there is asked for again."""
    known: dict[str, Any] = {}

    def once(held: Any, path: str, opened: Any) -> Any:
        if path not in known and (found := load(held, path, opened)) is not None:
            known[path] = found
        return known.get(path)

    return once


def _recommended(load: Callable[[Any, str], None]) -> Callable[[Any, str], None]:
    """AWS's own parameters, read once a path; nobody changes them."""
    known: dict[str, dict[str, Any]] = {}

    def once(held: Any, path: str) -> None:
        if path not in known:
            before = {*dict.keys(held)}
            load(held, path)
            known[path] = {name: dict.__getitem__(held, name) for name in {*dict.keys(held)} - before}
        dict.update(held, known[path])

    return once


@pytest.fixture
def account(moto: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    made = new_account(moto, monkeypatch)
    yield made
    assert made.complaints() == []


def new_account(moto: str, monkeypatch: pytest.MonkeyPatch) -> Account:
    """An empty one, but for a network and the machines' role."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    no_credentials_of_the_machine(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    CALLS.clear()
    ASKED.clear()
    made = Account(moto, {}, CALLS)
    reset(made.url)
    made.variables = variables(made)
    role.bring(made.aws(), made.config)
    made.calls.clear()
    made.asked.clear()
    made.said.clear()
    return made


def reset(url: str) -> None:
    requests.post(f"{url}/moto-api/reset", timeout=PATIENCE).raise_for_status()
    task = {"model_name": "ecs::task"}
    requests.post(
        f"{url}/moto-api/state-manager/unset-transition", json=task, timeout=PATIENCE
    ).raise_for_status()


def variables(account: Account, region: str = REGION) -> dict[str, str]:
    """As a filled-in config-aws.mk has them, in a network that is there."""
    ec2 = account.client("ec2", region)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{region}{zone}")[
            "Subnet"
        ]["SubnetId"]
        for n, zone in enumerate("ab")
    ]
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{region}.s3",
        VpcEndpointType="Gateway",
        RouteTableIds=[one["RouteTableId"] for one in tables],
    )
    group = ec2.create_security_group(GroupName="given", Description="given", VpcId=vpc)["GroupId"]
    required = {
        name: variable.example.replace(REGION, region)
        for name, variable in {**AWS, **LOCAL}.items()
        if variable.required
    }
    network = {"VPC": vpc, "SUBNETS": ",".join(subnets), "SECURITY_GROUP": group, "AWS_REGION": region}
    others = {name: AWS[name].example for name in ("DB_URI", "DAGSTER_DB_URI")}
    certificate = account.client("acm", region).request_certificate(DomainName=required["UI_HOST"])[
        "CertificateArn"
    ]
    rest = {"ARCHIVE_URI": "s3://kept/archive", "CERTIFICATE_ARN": certificate}
    return required | network | others | rest


def register_a_machine(account: Account) -> str:
    """What an instance of the group does when it has started; moto's don't. Its ARN."""
    ec2, ecs = account.client("ec2"), account.client("ecs")
    machine = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)
    document = {"instanceId": machine["Instances"][0]["InstanceId"], "region": REGION}
    made = ecs.register_container_instance(
        cluster=account.variables["CLUSTER_NAME"], instanceIdentityDocument=json.dumps(document)
    )
    return str(made["containerInstance"]["containerInstanceArn"])


CHANGES = re.compile(r"^[\w-]+:(?!Describe|List|Get|Filter|Batch(Get|Check))")
"""All but what only looks."""
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/stats-assets:0.1.0-test"


def changes(account: Account) -> list[str]:
    return [call for call in account.calls if CHANGES.match(call)]


def twice(account: Account, step: Any) -> None:
    step(account.aws())
    assert changes(account), "the first time something is made"
    account.calls.clear()
    step(account.aws())
    assert changes(account) == []


def own_database(account: Account) -> None:
    account.variables |= {"DB_URI": "", "DAGSTER_DB_URI": "", "DB_INSTANCE_CLASS": "db.t4g.large"}


PAGES = {
    name: AWS[name].example
    for name in (
        *("PEOPLE", "CONTACT", "PAGES_SUBNETS", "PAGES_HOST", "PAGES_CERTIFICATE_ARN", "PAGES_DB_URI"),
        *("PAGES_MIN", "PAGES_MAX"),
    )
} | {"PAGES": "yes"}
"""The variables of the pages, by their examples."""


def public_subnets(account: Account) -> str:
    """Two, of a route table that leads to an internet gateway."""
    ec2, vpc = account.client("ec2"), account.variables["VPC"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    made = []
    for n, zone in enumerate("ab"):
        place = {"CidrBlock": f"10.0.{100 + n}.0/24", "AvailabilityZone": f"us-east-1{zone}"}
        made.append(ec2.create_subnet(VpcId=vpc, **place)["Subnet"]["SubnetId"])
        ec2.associate_route_table(RouteTableId=table, SubnetId=made[-1])
    return ",".join(made)


@pytest.fixture
def running(account: Account) -> Account:
    """Services that were started; their migration's task has ended well."""
    cluster.configure(account.aws(), account.config)
    register_a_machine(account)
    secrets.put(account.aws(), account.config)
    services.start(account.aws(), account.config, IMAGE)
    return account


def none_runs() -> None:
    """moto starts no tasks, and counts those of services as running all the same."""
    from moto.ecs.models import ecs_backends

    for service in ecs_backends["123456789012"]["us-east-1"].services.values():
        service.running_count = 0

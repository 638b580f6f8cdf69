"""How people come to Dagster's UI: by which certificate and which login, where it is, and at which address."""

from deploy.kit.aws import Aws
from deploy.kit.config import Config


def login(config: Config) -> dict[str, str]:
    """The listeners' parameters."""
    return {
        "CertificateArn": config["CERTIFICATE_ARN"],
        "OidcIssuer": config["OIDC_ISSUER"],
        "OidcAuthorizationEndpoint": config["OIDC_AUTHORIZATION_ENDPOINT"],
        "OidcTokenEndpoint": config["OIDC_TOKEN_ENDPOINT"],
        "OidcUserInfoEndpoint": config["OIDC_USER_INFO_ENDPOINT"],
        "OidcClientId": config["OIDC_CLIENT_ID"],
        "OidcSecretArn": config["OIDC_SECRET_ARN"],
    }


def where(config: Config, base: dict[str, str]) -> dict[str, str]:
    """Where services are, and how people log in to those that they see."""
    return {
        "ClusterName": config["CLUSTER_NAME"],
        "Provider": config.provider,
        "LaunchType": config["LAUNCH_TYPE"],
        "Exec": "yes" if config.exec else "no",
        "Vpc": config["VPC"],
        "Subnets": config["SUBNETS"],
        "SecurityGroup": config["SECURITY_GROUP"],
        "TaskGroup": base["TaskGroup"],
        **login(config),
    }


def tell(aws: Aws, config: Config, balancer: str) -> None:
    """Say the address, what it needs in the DNS, and what is left out."""
    host = config["UI_HOST"] or balancer
    scheme = "https" if config["CERTIFICATE_ARN"] else "http"
    aws.say(f"Dagster's UI, inside the VPC: {scheme}://{host}")
    if config["READ_ONLY_CIDR"]:
        aws.say(f"the same, where nothing can be changed: {scheme}://{host}:8080")
    if host != balancer:
        aws.say(f"{host} is to be a CNAME (or an alias) of {balancer} in your DNS")
    for word, what in (
        ("PLAIN_HTTP", "everyone on the way can read it"),
        ("NO_LOGIN", "nobody has to log in"),
    ):
        if config[word]:
            aws.say(f"{word}: {what}")

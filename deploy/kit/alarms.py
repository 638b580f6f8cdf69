"""Alarms and the dashboard (a stack): what the service `watch` and AWS itself say, and who is told."""

from deploy.kit import pages, stacks
from deploy.kit.aws import Aws
from deploy.kit.config import Config


def bring(aws: Aws, config: Config) -> None:
    """Make them, or change them to what the variables say now."""
    values = {
        "ClusterName": config["CLUSTER_NAME"],
        "Email": config["ALARM_EMAIL"],
        "Provider": config.provider if config.on_ec2 else "",
        "Database": config.named("database") if config.own_database else "",
        "LeastStorage": int(config["DB_STORAGE"] or 100) * 10**9 // 20,
        **pages.watched(aws, config),
    }
    made = stacks.bring(aws, config, "alarms", values)
    if made:
        aws.say(f"alarms go to the topic {made['Topic']}")
    if config["ALARM_EMAIL"]:
        aws.done(f"{config['ALARM_EMAIL']} must confirm the subscription once: AWS has sent a mail")

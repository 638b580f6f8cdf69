"""Back to the image before the deployed one. That it can work with the database as it is, it says itself, in a task."""

from deploy.kit import deployed, image, services
from deploy.kit.aws import Aws, Refused
from deploy.kit.config import Config


def roll_back(aws: Aws, config: Config, tag: str = "") -> None:
    """The services by the image of before, or by that with the tag.

    Raises Refused where there is none, or it can't work with the database: then the services stay as they are.
    """
    now = deployed.image(aws, config)
    if now is None:
        raise Refused("Nothing was deployed yet: there is nothing to go back from.")
    earlier = deployed.before(aws, config)
    if not tag and not earlier:
        raise Refused(f"No image was deployed before {now}: there is nothing to go back to.")
    before = f"{now.rpartition(':')[0]}:{tag}" if tag else earlier[-1]
    if not image.is_pushed(aws, before):
        known = ", ".join(one.rpartition(":")[2] for one in reversed(earlier)) or "none"
        raise Refused(
            f"{before} is not in the repository. Tags that were deployed before, the newest first: {known}. Another"
            " commit: check it out, build-container, push-image, start-service."
        )
    aws.say(f"from {now} back to {before}; make start-service goes forward again")
    services.start(aws, config, before, back=True)

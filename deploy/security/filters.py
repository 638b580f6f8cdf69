"""What cfripper finds in the templates and is not so, each with its reason; cfripper itself imports this file."""

from cfripper.config.filter import Filter
from cfripper.model.enums import RuleMode

FILTERS = [
    Filter(
        reason="MasterUserPassword is a reference to a secret, resolved by CloudFormation; the parameter is its ARN",
        rule_mode=RuleMode.ALLOWED,
        eval={"eq": [{"ref": "logical_id"}, "Database"]},
        rules={"HardcodedRDSPasswordRule"},
    ),
    Filter(
        reason="the pages' balancer (pages.yaml): they are for all of the world, and nothing can be changed there",
        rule_mode=RuleMode.ALLOWED,
        eval={"in": [{"ref": "logical_id"}, ["PublicBalancer", "PublicGroup"]]},
        rules={"PublicELBCheckerRule", "EC2SecurityGroupOpenToWorldRule"},
    ),
]

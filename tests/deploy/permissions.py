"""What the person who deploys must be allowed: by the calls that the steps make, and by what AWS does for these with
the same credentials (CloudFormation above all). From AWS's documents of each service; nothing was tried on AWS.
"""

BY_TYPE: dict[str, tuple[str, ...]] = {
    "AWS::EC2::SecurityGroup": (
        *("ec2:CreateSecurityGroup", "ec2:DeleteSecurityGroup", "ec2:DescribeSecurityGroups"),
        *("ec2:AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupEgress", "ec2:CreateTags"),
        *("ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress", "ec2:DeleteTags"),
    ),
    "AWS::EC2::SecurityGroupIngress": (
        *("ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"),
        "ec2:DescribeSecurityGroupRules",
    ),
    "AWS::EC2::LaunchTemplate": (
        *("ec2:CreateLaunchTemplate", "ec2:CreateLaunchTemplateVersion", "ec2:DeleteLaunchTemplate"),
        *("ec2:DescribeLaunchTemplates", "ec2:DescribeLaunchTemplateVersions", "ec2:CreateTags"),
    ),
    "AWS::AutoScaling::AutoScalingGroup": (
        *("autoscaling:CreateAutoScalingGroup", "autoscaling:UpdateAutoScalingGroup"),
        *("autoscaling:DeleteAutoScalingGroup", "autoscaling:DescribeAutoScalingGroups"),
        *(
            "autoscaling:CreateOrUpdateTags",
            "autoscaling:DeleteTags",
            "autoscaling:DescribeScalingActivities",
        ),
        *("ec2:RunInstances", "iam:PassRole"),
    ),
    "AWS::IAM::Role": (
        *("iam:CreateRole", "iam:DeleteRole", "iam:GetRole", "iam:UpdateAssumeRolePolicy", "iam:TagRole"),
        *("iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:ListAttachedRolePolicies", "iam:UntagRole"),
        *("iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:GetRolePolicy", "iam:ListRolePolicies"),
    ),
    "AWS::IAM::Policy": ("iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:GetRolePolicy"),
    "AWS::ECS::TaskDefinition": (
        *("ecs:RegisterTaskDefinition", "ecs:DeregisterTaskDefinition", "ecs:DescribeTaskDefinition"),
        *("ecs:TagResource", "iam:PassRole"),
    ),
    "AWS::SNS::TopicPolicy": ("sns:SetTopicAttributes",),
    "AWS::Events::Rule": (
        *("events:PutRule", "events:DeleteRule", "events:PutTargets", "events:RemoveTargets"),
        *("events:DescribeRule", "events:ListTargetsByRule", "events:TagResource", "events:UntagResource"),
    ),
    "AWS::ECS::Service": (
        *("ecs:CreateService", "ecs:UpdateService", "ecs:DeleteService", "ecs:DescribeServices"),
        "ecs:TagResource",
    ),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (
        *("elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:DeleteLoadBalancer"),
        *("elasticloadbalancing:ModifyLoadBalancerAttributes", "elasticloadbalancing:SetSecurityGroups"),
        *("elasticloadbalancing:SetSubnets", "elasticloadbalancing:AddTags"),
        *(
            "elasticloadbalancing:DescribeLoadBalancers",
            "elasticloadbalancing:DescribeLoadBalancerAttributes",
        ),
        *(
            "elasticloadbalancing:DescribeTags",
            "ec2:DescribeInternetGateways",
            "ec2:DescribeAccountAttributes",
        ),
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": (
        *("elasticloadbalancing:CreateTargetGroup", "elasticloadbalancing:DeleteTargetGroup"),
        *("elasticloadbalancing:ModifyTargetGroup", "elasticloadbalancing:ModifyTargetGroupAttributes"),
        *("elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetGroupAttributes"),
    ),
    "AWS::ElasticLoadBalancingV2::Listener": (
        *("elasticloadbalancing:CreateListener", "elasticloadbalancing:DeleteListener"),
        *("elasticloadbalancing:ModifyListener", "elasticloadbalancing:DescribeListeners"),
    ),
    "AWS::ApplicationAutoScaling::ScalableTarget": (
        *(
            "application-autoscaling:RegisterScalableTarget",
            "application-autoscaling:DeregisterScalableTarget",
        ),
        "application-autoscaling:DescribeScalableTargets",
    ),
    "AWS::ApplicationAutoScaling::ScalingPolicy": (
        *("application-autoscaling:PutScalingPolicy", "application-autoscaling:DeleteScalingPolicy"),
        "application-autoscaling:DescribeScalingPolicies",
        *("cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms"),
    ),
    "AWS::RDS::DBSubnetGroup": (
        *("rds:CreateDBSubnetGroup", "rds:DeleteDBSubnetGroup", "rds:ModifyDBSubnetGroup"),
        *("rds:DescribeDBSubnetGroups", "rds:AddTagsToResource", "rds:ListTagsForResource"),
    ),
    "AWS::RDS::DBInstance": (
        *("rds:CreateDBInstance", "rds:DeleteDBInstance", "rds:ModifyDBInstance", "rds:CreateDBSnapshot"),
        *("rds:DescribeDBInstances", "rds:DescribeDBSnapshots", "secretsmanager:GetSecretValue"),
    ),
    "AWS::SNS::Topic": (
        *("sns:CreateTopic", "sns:DeleteTopic", "sns:GetTopicAttributes", "sns:TagResource"),
        "sns:ListTagsForResource",
    ),
    "AWS::SNS::Subscription": (
        *("sns:Subscribe", "sns:Unsubscribe", "sns:GetSubscriptionAttributes"),
        "sns:ListSubscriptionsByTopic",
    ),
    "AWS::CloudWatch::Alarm": (
        *("cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms"),
        *("cloudwatch:TagResource", "cloudwatch:ListTagsForResource"),
    ),
    "AWS::CloudWatch::Dashboard": (
        *("cloudwatch:PutDashboard", "cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard"),
    ),
}
BY_CALL: dict[str, tuple[str, ...]] = {
    "servicediscovery:CreatePrivateDnsNamespace": (
        *("route53:CreateHostedZone", "route53:GetHostedZone", "route53:ListHostedZonesByName"),
        *("ec2:DescribeRegions", "servicediscovery:TagResource"),
    ),
    "servicediscovery:DeleteNamespace": ("route53:DeleteHostedZone",),
    "servicediscovery:CreateService": ("route53:ChangeResourceRecordSets",),
    "iam:CreateInstanceProfile": ("iam:TagInstanceProfile",),
    "iam:AddRoleToInstanceProfile": ("iam:PassRole",),
    "secretsmanager:CreateSecret": ("secretsmanager:TagResource",),
    "ecr:CreateRepository": ("ecr:TagResource",),
    "logs:CreateLogGroup": ("logs:TagResource",),
    "ecs:CreateCapacityProvider": ("autoscaling:CreateOrUpdateTags", "ecs:TagResource"),
    "ecr:GetAuthorizationToken": (  # for `docker push`
        *("ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart"),
        *("ecr:CompleteLayerUpload", "ecr:PutImage", "ecr:BatchGetImage"),
    ),
}
NEEDS_NONE = ("sts:GetCallerIdentity",)
CALLED = {"service-quotas": "servicequotas", "elbv2": "elasticloadbalancing"}
"""What IAM calls a service of boto3."""
EVERYWHERE = {
    "secretsmanager:GetRandomPassword": "has no resource",
    "ecr:GetAuthorizationToken": "has no resource",
    "ecs:RegisterTaskDefinition": "takes no resource",
    "ecs:DeregisterTaskDefinition": "takes no resource",
    "ecs:CreateCluster": "takes no resource",
    "ecs:CreateCapacityProvider": "takes no resource",
    "sns:Unsubscribe": "takes no resource",
    "ec2": "ids are drawn by EC2",
    "application-autoscaling": "ids are drawn by it",
    "elasticloadbalancing": "names are drawn by CloudFormation",
    "route53": "ids are drawn by Cloud Map",
    "servicediscovery": "ids are drawn by Cloud Map",
}
"""Changing actions, or services, that are allowed on any resource, each with its reason."""

"""What only a deployment on AWS ECS loads: deploy/dagster.ecs.yaml.tpl names it. Nothing is counted or stored here."""

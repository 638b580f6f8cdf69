"""What only a deployment on ECS has of Dagster's: where its runs are."""

# The services as they run on ECS, rendered from config-aws.mk and config-local.mk by `make docker-compose.deploy.yml`.
# ECS itself is given cloudformation/services.yaml; a test holds the two together.
name: $CLUSTER_NAME

x-service: &service
  image: $IMAGE
  environment:
    <<: $SETTINGS
    DATABASE_URL: # both from the environment: they hold passwords
    DAGSTER_DB_URI:
  restart: always
  read_only: true
  tmpfs: [/tmp]

services:
  code:
    <<: *service
    command: [python, -m, stats_assets.local.dagster_plain, dagster, api, grpc, -m, stats_assets.definitions, --host, 0.0.0.0, --port, "$CODE_PORT"]
    expose: ["$CODE_PORT"]
  daemon:
    <<: *service
    command: [dagster-daemon, run]
    depends_on: [code]
  watch:
    <<: *service
    command: [stats-assets, watch, --name, "$CLUSTER_NAME"]
  webserver:
    <<: *service
    environment:
      <<: $SETTINGS
      DAGSTER_DB_URI:
    command: [dagster-webserver, --host, 0.0.0.0, --port, "3000"]
    ports: ["127.0.0.1:$LOCAL_PORT:3000"]
    depends_on: [code]

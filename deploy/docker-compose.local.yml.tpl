# The same stack on one Docker host, rendered from config-local.mk by `make start-local`. Runs are processes of the code
# server here; the database is PostgreSQL beside, in a volume.
name: stats-assets-local

x-service: &service
  image: $IMAGE
  restart: always
  env_file: [{path: instance/settings.env, required: false}]
  environment: &environment
    DATABASE_URL: postgresql://stats:$LOCAL_DB_PASSWORD@database:5432/stats
    DAGSTER_DB_URI: postgresql+psycopg2://stats:$LOCAL_DB_PASSWORD@database:5432/dagster
    AUGMENTED_DIFFS_URL: "$LOCAL_AUGDIFF_SOURCE"
    OVERPASS_URL: "$LOCAL_OVERPASS_URL"
    CHANGESETS_URL: "$LOCAL_CHANGESET_SOURCE"
    AUGMENTED_DIFFS_START: "$LOCAL_AUGDIFF_START"
    CHANGESETS_START: "$LOCAL_CHANGESET_START"
    STATS_DATA_DIR: /srv/data
    DAGSTER_DAEMON_HEARTBEAT_TOLERANCE: "300"
    STATS_ASSETS_UI: http://127.0.0.1:$LOCAL_PORT
  volumes:
    - data:/srv/data
    - $DEPLOY/instance:/srv/stats-assets/instance:ro
    - $DEPLOY/dagster.local.yaml:/srv/stats-assets/dagster.yaml:ro
    - $DEPLOY/workspace.local.yaml:/srv/stats-assets/workspace.yaml:ro

services:
  database:
    image: docker.io/library/postgres:16.11-bookworm
    restart: always
    environment:
      POSTGRES_USER: stats
      POSTGRES_PASSWORD: $LOCAL_DB_PASSWORD
      POSTGRES_DB: stats
    volumes:
      - database:/var/lib/postgresql/data
      - $DEPLOY/databases.local.sql:/docker-entrypoint-initdb.d/databases.sql:ro
    healthcheck:
      test: [CMD, pg_isready, -U, stats]
      interval: 5s
  migrate:
    <<: *service
    restart: on-failure
    environment:
      <<: *environment
      PAGES_DATABASE_URL: postgresql://stats_pages:$PAGES_PASSWORD@database:5432/stats
    command: [sh, -c, "stats-assets migrate && dagster instance migrate"]
    depends_on:
      database: {condition: service_healthy}
  code:
    <<: *service
    command: [python, -m, stats_assets.local.dagster_plain, dagster, api, grpc, -m, stats_assets.definitions, --host, 0.0.0.0, --port, "4000"]
    expose: ["4000"]
    depends_on:
      migrate: {condition: service_completed_successfully}
  daemon:
    <<: *service
    command: [dagster-daemon, run]
    depends_on: [code]
  webserver:
    <<: *service
    command: [dagster-webserver, --host, 0.0.0.0, --port, "3000"]
    ports: ["127.0.0.1:$LOCAL_PORT:3000"]
    depends_on: [code]
  # Of this host alone, until a proxy with a certificate is before it. Not without LOCAL_CONTACT: serve would refuse.
  pages:
    <<: *service
    environment:
      READ_DATABASE_URL: postgresql://stats_pages:$PAGES_PASSWORD@database:5432/stats
      PEOPLE: "$LOCAL_PEOPLE"
      CONTACT: "$LOCAL_CONTACT"
    command: [stats-assets, serve, --host, 0.0.0.0, --port, "8080"]
    ports: ["127.0.0.1:$LOCAL_PAGES_PORT:8080"]
    profiles: $PAGES_PROFILES
    read_only: true
    tmpfs: [/tmp]
    healthcheck:
      test: [CMD, python, -c, "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/ready', timeout=8)"]
      interval: 30s
    depends_on:
      migrate: {condition: service_completed_successfully}

volumes:
  database: {}
  data: {}

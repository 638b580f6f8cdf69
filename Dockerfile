# One image for all of it: webserver, daemon, code server, runs. How it is deployed: deploy/.
# BASE_IMAGE: any with Python 3.11 and its venv module.
ARG BASE_IMAGE=docker.io/library/python:3.11.14-slim-bookworm
FROM ${BASE_IMAGE} AS build
WORKDIR /build
RUN python3.11 -m venv /opt/stats-assets
COPY requirements.lock ./
RUN /opt/stats-assets/bin/pip install --no-cache-dir -r requirements.lock
# For the C module (docs/decisions.md), in this stage alone. Where there is none to be had the image goes without it.
# hadolint ignore=DL3008
RUN command -v cc >/dev/null \
  || { apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*; } \
  || echo "stats-assets: no C compiler can be had here: bodies will be read in Python, slower"
COPY pyproject.toml hatch_build.py README.md LICENSE CHANGELOG.md ./
COPY stats_assets ./stats_assets
RUN /opt/stats-assets/bin/pip install --no-cache-dir --no-deps .

FROM ${BASE_IMAGE}
COPY --from=build /opt/stats-assets /opt/stats-assets
WORKDIR /srv/stats-assets
COPY dagster.yaml workspace.yaml ./
COPY deploy/certificates/rds.pem ./certificates/
RUN useradd --uid 1000 --no-create-home stats && mkdir /srv/data && chown stats /srv/stats-assets /srv/data
USER 1000
# With the image's own permissions: on Fargate an empty volume is root's otherwise.
VOLUME /tmp
ENV PATH=/opt/stats-assets/bin:$PATH DAGSTER_HOME=/srv/stats-assets PYTHONUNBUFFERED=1
CMD ["stats-assets", "--help"]

# The same stack on one Docker host: `make start-local`. Copy to config-local.mk (git ignores it).

LOCAL_PORT             := 3000
# The password of the database that is started beside; it is reached by the other containers only.
LOCAL_DB_PASSWORD      := change-me
LOCAL_AUGDIFF_SOURCE   :=
LOCAL_OVERPASS_URL     := https://overpass-api.de
LOCAL_CHANGESET_SOURCE := https://planet.openstreetmap.org/replication/changesets
LOCAL_AUGDIFF_START    :=
LOCAL_CHANGESET_START  :=

# Pages and API for people (docs/pages.md), at 127.0.0.1: begun where CONTACT says whom people write to about what is shown of
# persons (PEOPLE: full, names or none; empty: full). For others, put a proxy with a certificate before the port.
LOCAL_CONTACT          :=
LOCAL_PEOPLE           :=
LOCAL_PAGES_PORT       := 8080

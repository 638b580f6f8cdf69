# The same stack on one Docker host: `make start-local`. Copy to config-local.mk (git ignores it).

LOCAL_PORT             := 3000
# The password of the database that is started beside; it is reached by the other containers only.
LOCAL_DB_PASSWORD      := change-me
LOCAL_AUGDIFF_SOURCE   :=
LOCAL_OVERPASS_URL     := https://overpass-api.de
LOCAL_CHANGESET_SOURCE := https://planet.openstreetmap.org/replication/changesets
LOCAL_AUGDIFF_START    :=
LOCAL_CHANGESET_START  :=

# What is deployed where. Copy to config-aws.mk (git ignores it) and fill it in; `make check-config` names what is lacking.
# Names are those of OSMesa's files where they still mean something. A line without a value is optional.
# Settings that have no variable here (USER_AGENT, POLL_SECONDS, CATEGORIES_FILE …): instance/README.md.

# make reads $ and # in this file as its own: in a URL write %24 and %23, and percent-encode what else a password has.

# The cluster. Every name that the kit makes begins with CLUSTER_NAME, so that each deployment of an account and region has
# its own. An existing cluster is adopted as it is. AWS_LOG_GROUP empty: CLUSTER_NAME.
CLUSTER_NAME  := stats-assets
AWS_REGION    := us-east-1
AWS_LOG_GROUP :=

# Machines: their type, how many at most, an SSH key pair (optional), and so many runs at a time they must have room for.
# Each task has a network interface of its own: m5.large has room for two tasks, m5.xlarge for three. The image is built for
# their processor: m7g.xlarge is a Graviton. ARCHITECTURE (x86_64 or arm64) says it for Fargate.
INSTANCE_TYPE := m5.xlarge
MAX_INSTANCES := 4
MAX_RUNS      := 4
KEYPAIR       :=
ARCHITECTURE  :=
# EC2, or FARGATE: no machines of your own; INSTANCE_TYPE, MAX_INSTANCES and KEYPAIR mean nothing then.
LAUNCH_TYPE   := EC2

# Where runs are. mixed: the streams' own short runs are processes of the code server and begin at once; backfills, re-reads
# and what people start are tasks. tasks: each is one; processes: none is, and none outlives the code server.
RUNS := mixed
# yes: the code server is on a machine with a volume for the store of what is now, made beforehand by cloudformation/store.yaml
# (README.md, "Augmented diffs of your own making"). Only with EC2.
STORE := no
# yes: a shell in a running task (ECS Exec), by those whom IAM lets. Root file systems are writable then.
EXEC := no

# The network: private subnets that reach the internet by NAT (tasks on EC2 get no public address), and a security group
# that may reach the database. The kit adds a group of its own for what the tasks say to each other.
# Such as: vpc-0123456789abcdef0   subnet-0123456789abcdef0,subnet-0123456789abcdef1   sg-0123456789abcdef0
VPC            :=
SUBNETS        :=
SECURITY_GROUP :=

# The machines' role; made by `make instance-role` if there is none of this name. Empty: CLUSTER_NAME-AWS_REGION-instance.
# One that others made is used, and never changed.
INSTANCE_ROLE :=

# The image's repository: a name (made by `make ecr-repository`; empty: CLUSTER_NAME) or the URI of one that exists.
ECR_REPO   :=
BASE_IMAGE := docker.io/library/python:3.11.14-slim-bookworm

# The databases: ours, and Dagster's own (another database of the same server does). They go to Secrets Manager by
# `make secrets`, and nowhere else. Such as: postgresql://user:password@host:5432/stats, and …/dagster
DB_URI         :=
DAGSTER_DB_URI :=
# The server's certificate is verified (sslmode=verify-full): RDS's authority, or yours in instance/database-ca.pem, or those
# that the image's system trusts; what the URL itself says of sslmode and sslrootcert stays.
# DAGSTER_READ_DB_URI: Dagster's database by a login that may only SELECT, for READ_ONLY_CIDR's UI; start-service makes it
# where DAGSTER_DB_URI's role may make roles. Empty: that UI goes by DAGSTER_DB_URI. The kit's own database has one.
DAGSTER_READ_DB_URI :=
# Or a secret of your own in place of each, whose whole value is such a URL, with sslmode and sslrootcert; Dagster's begins
# with postgresql+psycopg2://. Encrypted by a key of your own, that key's policy must let NAME-execution decrypt. After another
# value: make start-service.
DB_SECRET_ARN         :=
DAGSTER_DB_SECRET_ARN :=
# Or leave all empty, and `make database` makes one by RDS, of this class (db.t4g.large) and with so many GB to begin with.
# Another class, more GB, PostgreSQL's next version (such as 17.7; empty: 16.11, and what RDS makes of it): make database.
DB_INSTANCE_CLASS :=
DB_STORAGE        := 100
DB_ENGINE_VERSION :=

# What is followed: a directory of augmented diffs, or with none an Overpass server; the changesets' directory.
# START: the first sequence on a database without a checkpoint; empty: the feed's head.
AUGDIFF_SOURCE   :=
OVERPASS_URL     := https://overpass-api.de
CHANGESET_SOURCE := https://planet.openstreetmap.org/replication/changesets
AUGDIFF_START    :=
CHANGESET_START  :=
# Where bodies are kept: an s3:// address, or nothing.
ARCHIVE_URI      :=

# Who may open Dagster's UI, which can start and end runs: addresses inside the VPC (the balancer is internal; 0.0.0.0/0 is
# not taken). Such as 10.20.0.0/16: the narrower, the better.
CLIENT_CIDR    :=
# Who may open a second one, on port 8080, where nothing can be changed; empty: there is none.
READ_ONLY_CIDR :=

# HTTPS: the name that people open it by, a certificate for that name (in ACM, in this region), and a DNS record of your
# own, from the name to the balancer whose address `make start-service` says.
UI_HOST                     :=
CERTIFICATE_ARN             :=
# The login, by any OpenID Connect provider. There, allow the callbacks https://UI_HOST/oauth2/idpresponse and, with
# READ_ONLY_CIDR, https://UI_HOST:8080/oauth2/idpresponse. Everyone whom the provider lets in may do everything in the UI.
# OIDC_SECRET_ARN: a secret of Secrets Manager whose whole value is the client's secret.
OIDC_ISSUER                 :=
OIDC_AUTHORIZATION_ENDPOINT :=
OIDC_TOKEN_ENDPOINT         :=
OIDC_USER_INFO_ENDPOINT     :=
OIDC_CLIENT_ID              :=
OIDC_SECRET_ARN             :=
# Only where it must be so: `yes` here, and the variables above may be empty. Then whoever is in CLIENT_CIDR may do
# everything in the UI (NO_LOGIN), and whoever is on the way may read it (PLAIN_HTTP, which needs NO_LOGIN).
PLAIN_HTTP                  :=
NO_LOGIN                    :=

# Who is told by `make alarms` (AWS asks them once whether they want it); empty: subscribe to the topic by other means.
ALARM_EMAIL :=

# Pages and API for people (docs/pages.md): yes, and they have a public balancer and tasks of their own. PEOPLE says what is
# shown of persons (full, names or none), CONTACT whom they write to about that: an address of mail or of the web.
PAGES                 := no
PEOPLE                :=
CONTACT               :=
# The balancer's subnets, public ones of VPC in two zones; the name that people open it by, and a certificate for that name
# (in ACM, in this region). PAGES_PLAIN_HTTP: `yes` only where it must be so, and both may be empty.
PAGES_SUBNETS         :=
PAGES_HOST            :=
PAGES_CERTIFICATE_ARN :=
PAGES_PLAIN_HTTP      :=
# Who may open them; empty: all of the world.
PAGES_CIDR            :=
# So many tasks at least, and at most, by their use of CPU; empty: 2 and 6. MAX_INSTANCES must have room for the most.
PAGES_MIN             :=
PAGES_MAX             :=
# The statistics by a login that may only SELECT, a replica's where there is one: its URL, or a secret of your own whose whole
# value is such a URL. start-service makes the login where DB_URI's role may make roles. Both empty: one that the kit makes,
# for its own database alone. Such as: postgresql://looks:password@replica:5432/stats
PAGES_DB_URI          :=
PAGES_DB_SECRET_ARN   :=

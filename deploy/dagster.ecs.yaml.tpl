# stats-assets
# Dagster's instance on ECS, rendered by `make render`: the launcher can't read all of its settings from the environment.
telemetry:
  enabled: false
nux:
  enabled: false

# The tables are made by the migration's task, which is alone then. Dagster's storage, for a login that may only SELECT, too.
storage:
  custom:
    module: stats_assets.ecs.records_storage
    class: RecordsStorage
    config:
      postgres_url:
        env: DAGSTER_DB_URI

# What runs say goes to CloudWatch with the rest of their task's output.
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
python_logs:
  python_log_level: INFO
  managed_python_loggers: [stats_assets] # what runs say of their sequences, by Python's logging

# Live comes first: backfills never have all the slots; `make backfill` asks for more, and these lapse with it.
run_coordinator:
  module: stats_assets.orchestration.backfill.run_queue
  class: RunQueue
  config:
    max_concurrent_runs: $MAX_RUNS
    tag_concurrency_limits:
      - key: dagster/backfill
        limit: $RUNS_FOR_BACKFILLS
    max_user_code_failure_retries: 5 # while the code server is another: a run that is its process waits
    user_code_failure_retry_delay: 10
    dequeue_interval_seconds: 5
    dequeue_use_threads: true
    dequeue_num_workers: 4

# A task definition of our own, and the strategy always given: what the launcher would inherit ignores scaling.
# The launcher is ours, too: tags that people type into the UI change nothing of a task.
run_launcher:
  module: stats_assets.ecs.mixed_runs
  class: MixedRuns
  config:
    runs: $RUNS
    task_definition: $RUN_FAMILY
    container_name: run
    use_current_ecs_task_config: false
    secrets_tag: null
    run_ecs_tags: [{key: $RUN_TAG, value: $CLUSTER_NAME}] # by which a role knows what it may end
    run_task_kwargs:
      cluster: $CLUSTER_NAME
      capacityProviderStrategy: $STRATEGY
      placementStrategy: $PLACEMENT
      networkConfiguration:
        awsvpcConfiguration:
          subnets: $SUBNET_LIST
          securityGroups: ["$SECURITY_GROUP", "$TASK_GROUP"]
          assignPublicIp: DISABLED

concurrency:
  pools:
    default_limit: 500 # the queue's limits are narrower
    granularity: run

# A new machine and a pulled image may take ten minutes.
run_monitoring:
  enabled: true
  start_timeout_seconds: 900
  cancel_timeout_seconds: 180
  poll_interval_seconds: 60
  max_runtime_seconds: 43200
  free_slots_after_run_end_seconds: 300

# What ended without our doing is done again by the sensors; a backfill's run by this.
run_retries:
  enabled: true
  max_retries: 2
  retry_on_asset_or_op_failure: false

freshness:
  enabled: true
sensors:
  use_threads: true
  num_workers: 4
schedules:
  use_threads: true
  num_workers: 2
retention:
  sensor:
    purge_after_days:
      skipped: 2
      success: 30
      failure: 90
      started: 30
  schedule:
    purge_after_days:
      skipped: 30
      success: 90
      failure: 90
      started: 90

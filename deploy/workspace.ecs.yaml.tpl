# Where webserver and daemon find the code: the service of that name, by service discovery.
load_from:
  - grpc_server:
      host: $CODE_HOST
      port: $CODE_PORT
      location_name: stats_assets

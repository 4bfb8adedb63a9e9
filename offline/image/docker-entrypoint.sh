#!/bin/bash
# Starts PostgreSQL like the official postgres image: the same variables, the same steps at the first start.
set -Eeuo pipefail

say() { printf '%s\n' "$*"; }
fail() {
  printf 'Error: %s\n' "$1" >&2
  if (($# > 1)); then printf '       %s\n' "${@:2}" >&2; fi
  exit 1
}

# from_env NAME [DEFAULT]: sets NAME to its own value, to the contents of the file in NAME_FILE, or to the default.
from_env() {
  local name=$1 file_name="${1}_FILE" default=${2-}
  if [[ -n ${!name-} && -n ${!file_name-} ]]; then
    fail "both $name and $file_name are set, give only one"
  fi
  local value=${!name:-$default}
  if [[ -n ${!file_name-} ]]; then
    value=$(<"${!file_name}") || fail "$file_name names a file that cannot be read: ${!file_name}"
  fi
  export "$name=$value"
  unset "$file_name"
}

read_settings() {
  from_env POSTGRES_PASSWORD
  from_env POSTGRES_USER postgres
  from_env POSTGRES_DB "$POSTGRES_USER"
  from_env POSTGRES_INITDB_ARGS
  : "${POSTGRES_HOST_AUTH_METHOD:=}" "${POSTGRES_INITDB_WALDIR:=}"
}

# as_root CMD: does nothing unless root, because in a container started with --user the folders already have the right owner.
as_root() { if [[ $(id -u) == 0 ]]; then "$@"; fi; }

prepare_folder() {
  mkdir -p "$1"
  chmod 00700 "$1" 2>/dev/null || true
  as_root find "$1" ! -user postgres -exec chown postgres {} +
}

prepare_folders() {
  prepare_folder "$PGDATA"
  if [[ -n $POSTGRES_INITDB_WALDIR ]]; then prepare_folder "$POSTGRES_INITDB_WALDIR"; fi
  # A tmpfs that the user mounts here belongs to root at first.
  mkdir -p /var/run/postgresql 2>/dev/null || true
  as_root chown postgres:postgres /var/run/postgresql
  chmod 03775 /var/run/postgresql 2>/dev/null || true
}

check_password() {
  if [[ $POSTGRES_HOST_AUTH_METHOD == trust ]]; then
    say 'WARNING: POSTGRES_HOST_AUTH_METHOD is "trust": whoever reaches the port needs no password.' >&2
  elif [[ -z $POSTGRES_PASSWORD ]]; then
    fail 'Database is uninitialized and superuser password is not specified.' \
      'Set POSTGRES_PASSWORD, or POSTGRES_HOST_AUTH_METHOD=trust to do without one.'
  fi
}

create_cluster() {
  # initdb refuses a user without a name, and --user can cause that.
  if ! getent passwd "$(id -u)" >/dev/null; then
    local wrapper
    wrapper=$(find /usr/lib -name libnss_wrapper.so -print -quit)
    NSS_WRAPPER_PASSWD=$(mktemp) NSS_WRAPPER_GROUP=$(mktemp)
    export LD_PRELOAD=$wrapper NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
    printf 'postgres:x:%s:%s:PostgreSQL:%s:/bin/false\n' "$(id -u)" "$(id -g)" "$PGDATA" >"$NSS_WRAPPER_PASSWD"
    printf 'postgres:x:%s:\n' "$(id -g)" >"$NSS_WRAPPER_GROUP"
  fi

  local arguments=(--username="$POSTGRES_USER")
  if [[ -n $POSTGRES_INITDB_WALDIR ]]; then arguments+=(--waldir="$POSTGRES_INITDB_WALDIR"); fi
  # As in the official image, the variable holds shell words with quotes.
  eval "arguments+=($POSTGRES_INITDB_ARGS)"
  initdb "${arguments[@]}" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD")

  if [[ -n ${NSS_WRAPPER_PASSWD-} ]]; then
    rm -f "$NSS_WRAPPER_PASSWD" "$NSS_WRAPPER_GROUP"
    unset LD_PRELOAD NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
  fi
}

# allow_hosts ARGS: initdb trusts only the socket and loopback. All others need a password.
allow_hosts() {
  local method=$POSTGRES_HOST_AUTH_METHOD
  if [[ -z $method ]]; then method=$(postgres -C password_encryption "$@"); fi
  printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"
}

start_private_server() {
  # No TCP yet, so that clients and health checks over TCP never see an unfinished database.
  pg_ctl -D "$PGDATA" -o "$(printf '%q ' "$@" -c listen_addresses= -p "${PGPORT:-5432}")" -w start
}

stop_private_server() { pg_ctl -D "$PGDATA" -m fast -w stop; }

run_sql() {
  psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" "$@"
}

# These functions have the names of the official image, because sourced init scripts may call them.
docker_process_sql() { run_sql "$@"; }

create_database() {
  local exists
  exists=$(run_sql --dbname postgres --set db="$POSTGRES_DB" -tA <<<"SELECT 1 FROM pg_database WHERE datname = :'db'")
  if [[ -z $exists ]]; then run_sql --dbname postgres --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db"'; fi
}

run_init_file() {
  case $1 in
    *.sh)
      if [[ -x $1 ]]; then
        say "$0: running $1"
        "$1"
      else
        say "$0: sourcing $1"
        # shellcheck source=/dev/null
        . "$1"
      fi
      ;;
    *.sql) say "$0: running $1" && run_sql -f "$1" ;;
    *.sql.gz) say "$0: running $1" && gunzip -c "$1" | run_sql ;;
    *.sql.xz) say "$0: running $1" && xzcat "$1" | run_sql ;;
    *.sql.zst) say "$0: running $1" && zstd -dc "$1" | run_sql ;;
    *) say "$0: ignoring $1" ;;
  esac
}

initialise() {
  check_password
  create_cluster
  allow_hosts "$@"
  export PGPASSWORD=${PGPASSWORD:-$POSTGRES_PASSWORD}
  start_private_server "$@"
  create_database
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    if [[ -e $file ]]; then run_init_file "$file"; fi
  done
  stop_private_server
  unset PGPASSWORD
  say 'PostgreSQL init process complete; ready for start up.'
}

# With these options postgres prints something and exits, so it needs no database.
asks_for_information() {
  local argument
  for argument; do
    case $argument in -'?' | --help | --describe-config | -V | --version) return 0 ;; esac
  done
  return 1
}

main() {
  if [[ ${1-} == -* ]]; then set -- postgres "$@"; fi
  if [[ ${1-} != postgres ]] || asks_for_information "$@"; then exec "$@"; fi

  read_settings
  prepare_folders
  if [[ $(id -u) == 0 ]]; then exec gosu postgres "${BASH_SOURCE[0]}" "$@"; fi
  if [[ -s $PGDATA/PG_VERSION ]]; then
    say 'PostgreSQL Database directory appears to contain a database; Skipping initialization'
  else
    initialise "${@:2}"
  fi
  exec "$@"
}

main "$@"

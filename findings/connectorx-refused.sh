#!/usr/bin/env bash
# One query of ConnectorX (polars.read_database_uri uses it) at an oauth line is half a minute of logins, all refused.
#
# Guess: ConnectorX's driver does not know OAUTHBEARER, so the one connection fails at once, with an error about SASL.
# What happens: it connects through a pool that takes a refused login for a passing failure and tries again, with growing
#   pauses, for 30 seconds, and then reports a timeout.
# Who cares: the server's log has many refused logins of one analyst within a minute, which looks like an attack and trips
#   rules that count failures; the analyst reads "timed out" and asks for the network to be looked at.
# What to do: give such tools a line of another method (a certificate, SCRAM); tell them apart in the log by attempts that
#   come with pauses that double each time.
. "$(dirname "$(readlink -f "$0")")/common.sh"

python_packages connectorx==0.4.6 pandas==2.3.3 numpy==2.3.5
postgresql_server <<'END'
host all all 127.0.0.1/32 oauth issuer="https://idp.example" scope="db.connect"
END

cat > query.py <<'END'
import sys, time, connectorx
begin = time.monotonic()
try:
    connectorx.read_sql(f"postgresql://app:unused@127.0.0.1:{sys.argv[1]}/postgres?sslmode=disable", "select 1")
except Exception as error:
    print(f"{type(error).__name__}: {error}")
print("seconds until then:", round(time.monotonic() - begin, -1))
END
trial() {
  python/bin/python query.py "$server_port" 2> query.log
  local logins
  logins=$(grep -c 'connection received' server.log)
  # The pauses are random within bounds: what counts is that there are many.
  if [ "$logins" -ge 5 ]; then echo "logins for one query: 5 or more"; else echo "logins for one query: $logins"; fi
}
expect trial <<'END'
RuntimeError: timed out waiting for connection: authentication error: unsupported SASL mechanism
seconds until then: 30.0
logins for one query: 5 or more
END

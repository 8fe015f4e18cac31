#!/usr/bin/env bash
# asyncpg and Postgres.js send oauth_issuer to the server as a setting, so one connection URI for all programs breaks them
# even where no oauth line is.
#
# Guess: a driver that does not know libpq's oauth_issuer, oauth_client_id and oauth_scope refuses the URI, as tokio-postgres
#   does, or drops what it does not know, as pg does. Nothing of it reaches the server.
# What happens: both drivers send unknown parameters as settings of the session. On an oauth line that does not show, since
#   they fail at the SASL mechanism first. On every other line the login is accepted and then ends in
#   unrecognized configuration parameter "oauth_issuer".
# Who cares: a team adds the parameters to the URI that all its programs share, for psql's sake, and the programs that log in
#   by password or certificate, by another line of pg_hba.conf, stop.
# What to do: a URI of their own for libpq programs (psql, psycopg), or the parameters in a service file, which these drivers
#   do not take them from.
. "$(dirname "$(readlink -f "$0")")/common.sh"

python_packages asyncpg==0.32.0
npm_packages postgres@3.4.9 pg@8.23.1
postgresql_server <<'END'
host app all 127.0.0.1/32 oauth issuer="https://idp.example" scope="db.connect"
host all all 127.0.0.1/32 trust
END

cat > login.py <<'END'
import asyncio, sys, asyncpg
async def login(database):
    try:
        await asyncpg.connect(f"postgresql://app@127.0.0.1:{sys.argv[1]}/{database}?sslmode=disable"
                              "&oauth_issuer=https%3A%2F%2Fidp.example&oauth_client_id=psql")
        return "let in"
    except Exception as error:
        return str(error)
for database in ("postgres", "app"):
    print(f"asyncpg, {database}:", asyncio.run(login(database)))
END
cat > login.mjs <<'END'
import postgres from 'postgres'
import pg from 'pg'
for (const database of ['postgres', 'app']) {
  const uri = `postgresql://app@127.0.0.1:${process.argv[2]}/${database}?oauth_issuer=https%3A%2F%2Fidp.example&oauth_client_id=psql`
  const sql = postgres(uri, { max: 1 })
  console.log(`Postgres.js, ${database}:`, await sql`select 1`.then(() => 'let in', (error) => error.message))
  await sql.end({ timeout: 1 })
  const client = new pg.Client(uri)
  console.log(`pg, ${database}:`, await client.connect().then(() => 'let in', (error) => error.message))
  await client.end().catch(() => {})
}
process.exit()
END
trial() { python/bin/python login.py "$server_port" && node login.mjs "$server_port"; }
expect trial <<'END'
asyncpg, postgres: unrecognized configuration parameter "oauth_issuer"
asyncpg, app: unsupported SASL Authentication methods requested by the server: 'OAUTHBEARER'
Postgres.js, postgres: unrecognized configuration parameter "oauth_issuer"
pg, postgres: let in
Postgres.js, app: client selected an invalid SASL authentication mechanism
pg, app: SASL: Only mechanism(s) SCRAM-SHA-256 are supported
END

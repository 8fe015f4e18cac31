#!/usr/bin/env bash
# What drivers that few use say at an oauth line: a bare name, a number, a package that cannot help, never "OAuth is not known".
#
# Guess: an unsupported SASL mechanism, by name, as tokio-postgres and asyncpg say it.
# What happens: pgloader fails with the word OAUTHBEARER and "What I am doing here?". py-postgresql names the number 10 of the
#   message, not SASL, and proposes md5. ADBC has libpq 18 built in, takes the oauth parameters and then wants libpq-oauth
#   installed, although its libpq is built without loading it: the name of the module is not in the library.
# Who cares: the DBA gets such a line from a data engineer and has to know in which direction to look.
# What to do: search the log for the line of pg_hba.conf that took the connection; if it is the oauth line, the client needs
#   another line, or a token bringer in front of it.
. "$(dirname "$(readlink -f "$0")")/common.sh"

python_packages py-postgresql==1.3.1 psqlpy==0.13.1 adbc-driver-postgresql==1.13.0 adbc-driver-manager==1.13.0 pyarrow==26.0.1
npm_packages postgrejs@2.23.1
debian_packages pgloader=3.6.9-1
postgresql_server <<'END'
host all all 127.0.0.1/32 oauth issuer="https://idp.example" scope="db.connect"
END

cat > login.py <<'END'
import asyncio, sys
port = sys.argv[1]
def adbc(parameters):
    import adbc_driver_postgresql.dbapi as driver
    driver.connect(f"host=127.0.0.1 port={port} user=app dbname=postgres sslmode=disable {parameters}")
def py_postgresql():
    import postgresql
    postgresql.open(user="app", password="unused", host="127.0.0.1", port=int(port), database="postgres", sslmode="disable")
def psqlpy():
    import psqlpy
    async def connect():
        await psqlpy.ConnectionPool(dsn=f"postgresql://app:unused@127.0.0.1:{port}/postgres?sslmode=disable").connection()
    asyncio.run(connect())
for name, login in {"py-postgresql": py_postgresql, "psqlpy": psqlpy, "ADBC": lambda: adbc(""),
                    "ADBC with oauth parameters": lambda: adbc("oauth_issuer=https://idp.example oauth_client_id=psql")}.items():
    try:
        login()
        print(f"{name}: let in")
    except Exception as error:
        text = str(error)
        text = text.replace(f'connection to server at "127.0.0.1", port {port} failed: ', "")
        lines = [line.strip() for line in text.splitlines()]
        wanted = ("unsupported", "HINT", "mechanism", "OAuth", "oauth")
        print(f"{name}:", " / ".join(line for line in lines if any(word in line for word in wanted)))
END
cat > login.mjs <<'END'
import { Connection } from 'postgrejs'
const connection = new Connection(`postgres://app:unused@127.0.0.1:${process.argv[2]}/postgres`)
console.log('postgrejs:', await connection.connect().then(() => 'let in', (error) => error.message))
process.exit()
END
touch empty.sqlite
trial() {
  echo "ADBC has the name of the module in it: $(grep -c 'libpq-oauth-18' python/lib/python3*/site-packages/adbc_driver_postgresql/*.so || true) times"
  python/bin/python login.py "$server_port"
  node login.mjs "$server_port"
  LD_LIBRARY_PATH=$(dirname "$(find debian -name 'libsqlite3.so*' -print -quit)"):${LD_LIBRARY_PATH:-} HOME=$work \
    debian/usr/bin/pgloader "sqlite://$work/empty.sqlite" "postgresql://app:unused@127.0.0.1:$server_port/postgres" > pgloader.log 2>&1 || true
  tr -d '\000' < pgloader.log | sed -n 's/port [0-9]*/port .../; s/ *$//; s/^.*\(Failed to connect\)/pgloader: \1/p; s/^What I am/pgloader: &/p' | sort -u
}
expect trial <<'END'
ADBC has the name of the module in it: 0 times
py-postgresql: postgresql.exceptions.AuthenticationMethodError: unsupported authentication request '<unknown>'(10) / HINT: 'postgresql.protocol' only supports: MD5, crypt, plaintext, and trust.
psqlpy: Database engine pool exception: Error occurred while creating a new object: authentication error: unsupported SASL mechanism
ADBC: IO: [libpq] Failed to connect: server requires OAuth authentication, but oauth_issuer and oauth_client_id are not both set
ADBC with oauth parameters: IO: [libpq] Failed to connect: no OAuth flows are available (try installing the libpq-oauth package)
postgrejs: SASL: Only mechanism SCRAM-SHA-256 is currently supported
pgloader: Failed to connect to pgsql at "127.0.0.1" (port ...) as user "app": OAUTHBEARER
pgloader: What I am doing here?
END

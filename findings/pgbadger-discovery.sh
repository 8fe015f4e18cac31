#!/usr/bin/env bash
# pgBadger reports every successful psql login by OAuth as a fatal error too, and the reasons of refused ones nowhere.
#
# Guess: its report has the refused logins with what the server says about them.
# What happens: libpq connects once without a token to learn the issuer, which PostgreSQL 18 logs as FATAL. pgBadger counts it
#   like a refused login, so good and bad look alike. Why a login was refused is at the level LOG ("malformed OAuth bearer
#   token", and whatever a validator reports), which it leaves out of the report.
# Who cares: whoever judges by "most frequent errors" of such a report: after oauth lines come into use, the first place is
#   taken by logins that were good.
# What to do: take that line out of the log before it goes to the report where it has no LOG line of the same process id,
#   and look for the reasons in the log itself.
. "$(dirname "$(readlink -f "$0")")/common.sh"

debian_packages pgbadger=12.0-1
postgresql_server <<'END'
host all all 127.0.0.1/32 oauth issuer="https://idp.example" scope="db.connect"
END
cat > login.py <<'END'
# Logs in as libpq does: once without a token, then with it; the last token is one that PostgreSQL does not pass on.
import socket, struct, sys
def number(value): return struct.pack("!i", value)
def login(auth):
    connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    def send(kind, body): connection.sendall(kind + number(len(body) + 4) + body)
    def receive():
        connection.recv(1)
        length, body = struct.unpack("!i", connection.recv(4))[0] - 4, b""
        while len(body) < length: body += connection.recv(length - len(body))
        return body
    send(b"", number(196608) + b"user\0app\0database\0postgres\0\0")
    receive()
    first = b"n,,\x01auth=" + auth + b"\x01\x01"
    send(b"p", b"OAUTHBEARER\0" + number(len(first)) + first)
    if receive()[:4] == number(11):
        send(b"p", b"\x01")
        receive()
    else:
        send(b"X", b"")
    connection.close()
for auth in (b"", b"Bearer good.token.1", b"", b"Bearer good.token.2", b"", b'Bearer "quoted"'):
    login(auth)
END
trial() {
  python3 login.py "$server_port"
  sleep 1
  echo "logins let in, by the server's log: $(grep -c 'connection authenticated' server.log)"
  echo "of LOG in the server's log: $(grep -oE 'malformed OAuth bearer token' server.log)"
  PERL5LIB=debian/usr/share/perl5 perl debian/usr/bin/pgbadger --quiet --format stderr --prefix '%m [%p] ' --extension text --outfile report.txt server.log
  sed -nE 's/^([0-9]+\) .*)$/pgBadger: \1/p' report.txt | grep OAuth
  echo "pgBadger on the reason: $(grep -c malformed report.txt || true) lines"
}
expect trial <<'END'
logins let in, by the server's log: 2
of LOG in the server's log: malformed OAuth bearer token
pgBadger: 1) 4 - FATAL:  OAuth bearer authentication failed for user "..."
pgBadger on the reason: 0 lines
END

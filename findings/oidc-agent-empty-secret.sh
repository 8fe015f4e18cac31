#!/usr/bin/env bash
# oidc-agent authenticates a client without a secret by HTTP Basic, with an empty secret.
#
# Guess: where --client-secret is empty, and the provider's document lists the method "none", the client ID is in the form and
#   nothing else, as RFC 6749 section 2.3.1 has it for clients without a secret.
# What happens: the first request has the ID in the form, and an Authorization header besides, "Basic" of the ID, a colon and
#   nothing. A provider that looks at the header takes it for a client with a secret, and refuses: oidc-provider of npm says
#   "client_secret must be provided in the Authorization header".
# Who cares: whoever has oidc-agent's oidc-token give psql or a service the tokens for a database, with the same public client
#   that psql's own device flow takes.
# What to do: give oidc-agent a client of its own with a secret, or one of the provider's that takes an empty one.
. "$(dirname "$(readlink -f "$0")")/common.sh"

needs openssl
debian_packages oidc-agent-cli=4.2.6-1

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem -days 2 \
  -subj /CN=localhost -addext subjectAltName=DNS:localhost > openssl.log 2>&1 || { cat openssl.log >&2; exit 2; }
port=$(free_port)
cat > provider.py <<'END'
import base64, http.server, json, ssl, sys, urllib.parse

issuer = f"https://localhost:{sys.argv[1]}"

class Provider(http.server.BaseHTTPRequestHandler):
    def say(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.say(200, {
            "issuer": issuer, "authorization_endpoint": issuer + "/auth", "token_endpoint": issuer + "/token",
            "device_authorization_endpoint": issuer + "/device", "jwks_uri": issuer + "/jwks",
            "response_types_supported": ["code"], "scopes_supported": ["openid", "offline_access"],
            "grant_types_supported": ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
        })

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        header = self.headers.get("Authorization", "no header")
        if header.startswith("Basic "):
            header = "Basic of " + repr(base64.b64decode(header[6:]).decode())
        with open("asked", "a") as asked:
            print(f"{self.path}: client_id={form['client_id'][0]} in the form, {header}", file=asked)
        self.say(401, {"error": "invalid_client"})

    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Provider)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("cert.pem", "key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
END
python3 provider.py "$port" > provider.log 2>&1 &
started+=($!)
wait_for_port "$port"

export HOME=$work LC_ALL=C.UTF-8 PATH="$work/debian/usr/bin:$PATH"
LD_LIBRARY_PATH=$(printf '%s:' "$work"/debian/usr/lib/*-linux-gnu "$work"/debian/lib/*-linux-gnu)
export LD_LIBRARY_PATH
eval "$(oidc-agent --socket-path="$work/agent.sock" 2> agent.log)" > /dev/null
started+=("$OIDCD_PID")
echo password > password
trial() {
  timeout 30 oidc-gen corp --issuer="https://localhost:$port" --client-id=psql --client-secret= --scope='openid offline_access' \
    --flow=device --cp="$work/cert.pem" --pw-file=password --prompt=none > gen.log 2>&1 || true
  [ -e asked ] || { cat gen.log >&2; return 1; }
  head -1 asked
}
expect trial <<'END'
/device: client_id=psql in the form, Basic of 'psql:'
END
# It is no child of this shell, which cannot wait for it otherwise.
kill "$OIDCD_PID"
while [ -d "/proc/$OIDCD_PID" ]; do sleep 0.1; done

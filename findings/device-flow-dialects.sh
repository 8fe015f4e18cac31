#!/usr/bin/env bash
# Three small dialects of the device flow that large providers have, and no two libraries that understand the same ones.
#
# Guess: the device flow (RFC 8628) is short, and clients for it were tried with Google and GitHub first of all: one says
#   verification_url instead of verification_uri, the other answers "authorization_pending" with the status 200. A number
#   that comes as a text ("interval": "1") is read as that number, as it is in expires_in.
# What happens: openid-client takes neither, and expires_in as a text but not interval, which it calls an invalid response
#   before anybody has seen a code. requests_oauth2client knows the status 200 and not verification_url, for which it has a
#   TypeError about a missing argument; with the interval as a text the user gets the code, and the program ends with a
#   TypeError when it begins to wait. requests-oauthlib with oauthlib's DeviceClient takes all of it, since it reads nothing
#   of the first answer itself.
# Who cares: tools that get a token for a person at a terminal and hand it to psql or a driver: tried at one provider, they
#   fail at the next with a message that names neither the member nor the provider.
# What to do: try the very provider before choosing the library; psql's own flow (libpq-oauth) takes both spellings of the
#   address.
. "$(dirname "$(readlink -f "$0")")/common.sh"

python_packages requests_oauth2client==1.8.0 requests-oauthlib==2.0.0 oauthlib==4.0.1
npm_packages openid-client@6.9.0 oauth4webapi@3.8.8

cat > provider.py <<'END'
import http.server, json, sys
answers = {
    'plain': {}, 'verification_url': {'verification_uri': None, 'verification_url': 'https://idp.example/device'},
    'interval as a text': {'interval': '1'}, 'expires_in as a text': {'expires_in': '600'}, 'pending with 400': {}, 'pending with 200': {},
}
pending = {'pending with 400': 400, 'pending with 200': 200}
asked = {}
class Provider(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get('content-length', 0)))
        kind, _, dialect = self.path.replace('%20', ' ').strip('/').partition('/')
        status = 200
        if kind == 'device':
            asked[dialect] = 0
            answer = {'device_code': 'd', 'user_code': 'WDJB-MJHT', 'verification_uri': 'https://idp.example/device',
                      'expires_in': 600, 'interval': 1, **answers[dialect]}
            answer = {name: value for name, value in answer.items() if value is not None}
        else:
            asked[dialect] += 1
            answer = {'access_token': 'x', 'token_type': 'Bearer', 'expires_in': 60}
            if dialect in pending and asked[dialect] == 1:
                status, answer = pending[dialect], {'error': 'authorization_pending'}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header('content-type', 'application/json')
        self.send_header('content-length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Provider).serve_forever()
END
cat > trial.py <<'END'
import os, sys, time, requests
os.environ['OAUTHLIB_INSECURE_TRANSPORT'] = '1'
from oauthlib.oauth2 import DeviceClient, OAuth2Error
from requests_oauth2client import DeviceAuthorizationPoolingJob, OAuth2Client
from requests_oauthlib import OAuth2Session
base = f'http://127.0.0.1:{sys.argv[1]}'
def oauth2client(dialect):
    client = OAuth2Client(f'{base}/token/{dialect}', ('c', 's'), device_authorization_endpoint=f'{base}/device/{dialect}', testing=True)
    job = DeviceAuthorizationPoolingJob(client, client.authorize_device())
    while job() is None: pass
def oauthlib(dialect):
    requests.post(f'{base}/device/{dialect}')
    session = OAuth2Session(client=DeviceClient('c'))
    while True:
        try:
            return session.fetch_token(f'{base}/token/{dialect}', client_id='c', include_client_id=True, device_code='d', code='d')
        except OAuth2Error as error:
            if error.error != 'authorization_pending': raise
            time.sleep(0.1)
for name, flow in (('requests_oauth2client', oauth2client), ('requests-oauthlib', oauthlib)):
    for dialect in sys.argv[2:]:
        try:
            flow(dialect)
            said = 'a token'
        except Exception as error:
            said = f'{type(error).__name__}: {error}'
        print(f'{name}, {dialect}: {said}')
END
cat > trial.mjs <<'END'
import * as openid from 'openid-client'
const [port, ...dialects] = process.argv.slice(2)
const base = `http://127.0.0.1:${port}`
for (const dialect of dialects) {
  const metadata = { issuer: base, token_endpoint: `${base}/token/${dialect}`, device_authorization_endpoint: `${base}/device/${dialect}` }
  const configuration = new openid.Configuration(metadata, 'c', {}, openid.None())
  openid.allowInsecureRequests(configuration)
  const said = await openid.initiateDeviceAuthorization(configuration, {}).then((answer) =>
    openid.pollDeviceAuthorizationGrant(configuration, answer).then(() => 'a token', (error) => `code shown, then ${error.name}: ${error.message}`),
    (error) => `no code, ${error.name}: ${error.message}`)
  console.log(`openid-client, ${dialect}: ${said}`)
}
END
port=$(free_port)
python/bin/python provider.py "$port" &
started+=($!)
wait_for_port "$port"
trial() {
  python/bin/python -W ignore trial.py "$port" "$@"
  node trial.mjs "$port" "$@"
}
expect trial plain verification_url 'interval as a text' 'expires_in as a text' 'pending with 400' 'pending with 200' <<'END'
requests_oauth2client, plain: a token
requests_oauth2client, verification_url: TypeError: DeviceAuthorizationResponse.__init__() missing 1 required positional argument: 'verification_uri'
requests_oauth2client, interval as a text: TypeError: 'str' object cannot be interpreted as an integer
requests_oauth2client, expires_in as a text: a token
requests_oauth2client, pending with 400: a token
requests_oauth2client, pending with 200: a token
requests-oauthlib, plain: a token
requests-oauthlib, verification_url: a token
requests-oauthlib, interval as a text: a token
requests-oauthlib, expires_in as a text: a token
requests-oauthlib, pending with 400: a token
requests-oauthlib, pending with 200: a token
openid-client, plain: a token
openid-client, verification_url: no code, ClientError: invalid response encountered
openid-client, interval as a text: no code, ClientError: invalid response encountered
openid-client, expires_in as a text: a token
openid-client, pending with 400: a token
openid-client, pending with 200: code shown, then ClientError: invalid response encountered
END

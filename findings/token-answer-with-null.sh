#!/usr/bin/env bash
# One member that is null in a token answer is an error for some libraries, another one for others, and a token that never ends
# for the rest.
#
# Guess: an optional member that is null is an optional member that is not there. RFC 6749 says nothing of null, and many
#   serializers write it for what is not set.
# What happens: requests-oauthlib fails on "error": null, and not with an OAuth error but with a TypeError about its own exception;
#   Authlib raises an error without words. openid-client does not mind that one, and refuses the whole answer for "refresh_token",
#   "scope", "id_token" or "expires_in" that is null, as "invalid response encountered". simple-oauth2 takes all of them, and calls a
#   token whose "expires_in" is null valid for ever (its expiry is an invalid date); requests-oauthlib and Authlib know no expiry
#   then, nor for "expires_in": 0, which simple-oauth2 and openid-client take for what it says.
# Who cares: services that fetch their database token by client credentials and renew it "when it expires": against one provider
#   they work with one library and not with the next, or hand PostgreSQL a token that was over long ago.
# What to do: take the end from the token's own exp where it is a JWT, or renew on a fixed schedule; log the answer's member
#   names, never its values, when a library calls it invalid.
. "$(dirname "$(readlink -f "$0")")/common.sh"

python_packages requests-oauthlib==2.0.0 oauthlib==4.0.1 Authlib==1.9.10
npm_packages openid-client@6.9.0 oauth4webapi@3.8.8 simple-oauth2@5.1.0

cat > provider.py <<'END'
import http.server, json, sys
class Provider(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get('content-length', 0)))
        name, _, value = self.path.strip('/').partition('=')
        answer = {'access_token': 'x', 'token_type': 'Bearer', 'expires_in': 3600}
        if name != 'plain':
            answer[name] = json.loads(value)
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header('content-type', 'application/json')
        self.send_header('content-length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Provider).serve_forever()
END
cat > trial.py <<'END'
import os, sys
os.environ['OAUTHLIB_INSECURE_TRANSPORT'] = '1'
from authlib.integrations.requests_client import OAuth2Session as Authlib
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session
def end(token):
    return 'knows its end' if 'expires_at' in token else 'knows no end'
def requests_oauthlib(url):
    return end(OAuth2Session(client=BackendApplicationClient('c')).fetch_token(url, client_id='c', client_secret='s'))
def authlib(url):
    session = Authlib('c', 's')
    session.fetch_token(url, grant_type='client_credentials')
    return {True: 'over', False: 'knows its end', None: 'knows no end'}[session.token.is_expired()]
for name, fetch in (('requests-oauthlib', requests_oauthlib), ('Authlib', authlib)):
    for answer in sys.argv[2:]:
        try:
            said = fetch(f'http://127.0.0.1:{sys.argv[1]}/{answer}')
        except Exception as error:
            said = f'{type(error).__name__}: {error}'
        print(f'{name}, {answer}: {said}')
END
cat > trial.mjs <<'END'
import * as openid from 'openid-client'
import { ClientCredentials } from 'simple-oauth2'
const [port, ...answers] = process.argv.slice(2)
const base = `http://127.0.0.1:${port}`
const libraries = {
  'openid-client': async (answer) => {
    const configuration = new openid.Configuration({ issuer: base, token_endpoint: `${base}/${answer}` }, 'c', {}, openid.ClientSecretPost('s'))
    openid.allowInsecureRequests(configuration)
    const token = await openid.clientCredentialsGrant(configuration)
    return token.expiresIn() === 0 ? 'over' : 'knows its end'
  },
  'simple-oauth2': async (answer) => {
    const token = await new ClientCredentials({ client: { id: 'c', secret: 's' }, auth: { tokenHost: base, tokenPath: `/${answer}` } }).getToken({})
    return token.expired() ? 'over' : Number.isNaN(token.token.expires_at.getTime()) ? 'knows no end, is not over' : 'knows its end'
  },
}
for (const [name, fetch] of Object.entries(libraries))
  for (const answer of answers)
    console.log(`${name}, ${answer}: ${await fetch(answer).catch((error) => `${error.name}: ${error.message}`)}`)
END
port=$(free_port)
python/bin/python provider.py "$port" &
started+=($!)
wait_for_port "$port"
trial() {
  python/bin/python trial.py "$port" "$@"
  node trial.mjs "$port" "$@"
}
expect trial plain error=null refresh_token=null scope=null id_token=null expires_in=null expires_in=0 <<'END'
requests-oauthlib, plain: knows its end
requests-oauthlib, error=null: TypeError: CustomOAuth2Error.__init__() missing 1 required positional argument: 'error'
requests-oauthlib, refresh_token=null: knows its end
requests-oauthlib, scope=null: knows its end
requests-oauthlib, id_token=null: knows its end
requests-oauthlib, expires_in=null: knows no end
requests-oauthlib, expires_in=0: knows no end
Authlib, plain: knows its end
Authlib, error=null: OAuthError: oauth_error: 
Authlib, refresh_token=null: knows its end
Authlib, scope=null: knows its end
Authlib, id_token=null: knows its end
Authlib, expires_in=null: knows no end
Authlib, expires_in=0: knows no end
openid-client, plain: knows its end
openid-client, error=null: knows its end
openid-client, refresh_token=null: ClientError: invalid response encountered
openid-client, scope=null: ClientError: invalid response encountered
openid-client, id_token=null: ClientError: invalid response encountered
openid-client, expires_in=null: ClientError: invalid response encountered
openid-client, expires_in=0: over
simple-oauth2, plain: knows its end
simple-oauth2, error=null: knows its end
simple-oauth2, refresh_token=null: knows its end
simple-oauth2, scope=null: knows its end
simple-oauth2, id_token=null: knows its end
simple-oauth2, expires_in=null: knows no end, is not over
simple-oauth2, expires_in=0: over
END

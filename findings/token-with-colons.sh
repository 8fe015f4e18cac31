#!/usr/bin/env bash
# The access tokens of Cloudflare's OAuth provider library cannot be sent to PostgreSQL: they have colons in them.
#
# Guess: an opaque token is opaque. Whatever an OAuth 2 server hands out as a bearer token can be used as one.
# What happens: RFC 6750 allows letters, digits and -._~+/ with = at the end, and PostgreSQL checks that before any validator
#   sees the token. The library's tokens are USER:GRANT:SECRET, so each login ends in "malformed OAuth bearer token", while
#   the library itself and HTTP frameworks take its tokens without a complaint.
# Who cares: who lets people log in with the tokens of a provider made with this library.
#   The server's log has no line of any validator, so the search begins in the wrong place; setting up introspection in
#   front of it would be work for nothing.
# What to do: look at one token before anything else. With a character outside of that set in it, the provider has to issue
#   other tokens (JWTs, or random text); no setting of a validator or of PostgreSQL helps.
. "$(dirname "$(readlink -f "$0")")/common.sh"

npm_packages @cloudflare/workers-oauth-provider@1.2.3
postgresql_server <<'END'
host all all 127.0.0.1/32 oauth issuer="https://idp.example" scope="db.connect"
END

# Outside of Cloudflare's runtime its one built-in module is missing; the class in it is only inherited from.
cat > hooks.mjs <<'END'
const stub = 'data:text/javascript,export class WorkerEntrypoint { constructor(ctx, env) { this.ctx = ctx; this.env = env } }'
export const resolve = (name, context, next) =>
  name === 'cloudflare:workers' ? { url: stub, shortCircuit: true } : next(name, context)
END
echo "import { register } from 'node:module'; register('./hooks.mjs', import.meta.url)" > register.mjs
cat > login.mjs <<'END'
import { connect } from 'node:net'
import { webcrypto as crypto } from 'node:crypto'
import { OAuthProvider } from '@cloudflare/workers-oauth-provider'
const [port] = process.argv.slice(2)

const stored = new Map()
const env = { OAUTH_KV: {
  get: async (name, options) => {
    const text = stored.get(name) ?? null
    return text && (options?.type ?? options) === 'json' ? JSON.parse(text) : text
  },
  put: async (name, text) => void stored.set(name, text),
  delete: async (name) => void stored.delete(name),
  list: async () => ({ keys: [...stored.keys()].map((name) => ({ name })), list_complete: true }),
} }
const issuer = 'https://idp.example', redirect_uri = 'https://app.example/back'
const provider = new OAuthProvider({
  apiRoute: '/api', authorizeEndpoint: '/authorize', tokenEndpoint: '/token', clientRegistrationEndpoint: '/register',
  resourceMetadata: { resource: `${issuer}/api` },
  apiHandler: { fetch: async () => new Response('the API says hello') },
  defaultHandler: { fetch: async (request, { OAUTH_PROVIDER }) => {
    const asked = await OAUTH_PROVIDER.parseAuthRequest(request)
    const { redirectTo } = await OAUTH_PROVIDER.completeAuthorization({ request: asked, userId: 'ana', scope: asked.scope, metadata: {}, props: {} })
    return Response.redirect(redirectTo, 302)
  } },
})
const ask = (path, init) => provider.fetch(new Request(issuer + path, init), env, { waitUntil() {}, props: {} })
const form = (fields) => ({ method: 'POST', body: new URLSearchParams(fields), headers: { 'content-type': 'application/x-www-form-urlencoded' } })

const { client_id } = await (await ask('/register', { method: 'POST', headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ redirect_uris: [redirect_uri], token_endpoint_auth_method: 'none' }) })).json()
const code_verifier = 'v'.repeat(64)
const code_challenge = Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(code_verifier))).toString('base64url')
const query = new URLSearchParams({ response_type: 'code', client_id, redirect_uri, scope: 'db.connect', state: 's', code_challenge, code_challenge_method: 'S256' })
const code = new URL((await ask(`/authorize?${query}`)).headers.get('location')).searchParams.get('code')
const { access_token, token_type } = await (await ask('/token', form({ grant_type: 'authorization_code', code, redirect_uri, client_id, code_verifier }))).json()
console.log(`token_type ${token_type}, token ${access_token.replace(/[A-Za-z0-9_-]{6,}/g, '...')}`)
console.log('its own API:', await (await ask('/api', { headers: { authorization: `Bearer ${access_token}` } })).text())

// PostgreSQL's protocol as far as it is needed: startup, OAUTHBEARER, and what comes back.
const message = (type, body) => { const head = Buffer.alloc(4); head.writeInt32BE(body.length + 4); return Buffer.concat([Buffer.from(type), head, body]) }
const number = (value) => { const four = Buffer.alloc(4); four.writeInt32BE(value); return four }
const login = (token) => new Promise((resolve) => {
  const socket = connect(port, '127.0.0.1', () => socket.write(message('', Buffer.concat([number(196608), Buffer.from('user\0app\0database\0postgres\0\0')]))))
  let seen = Buffer.alloc(0)
  socket.on('data', (data) => {
    seen = Buffer.concat([seen, data])
    while (seen.length >= 5 && seen.length >= seen.readInt32BE(1) + 1) {
      const type = String.fromCharCode(seen[0]), body = seen.subarray(5, seen.readInt32BE(1) + 1)
      seen = seen.subarray(body.length + 5)
      if (type === 'R' && body.readInt32BE(0) === 10) {
        const first = Buffer.from(`n,,\x01auth=Bearer ${token}\x01\x01`)
        socket.write(message('p', Buffer.concat([Buffer.from('OAUTHBEARER\0'), number(first.length), first])))
      } else if (type === 'R' && body.readInt32BE(0) === 11) socket.write(message('p', Buffer.from('\x01')))
      else if (type === 'R') { socket.end(message('X', Buffer.alloc(0))); resolve('let in') }
      else if (type === 'E') { socket.end(); resolve(body.toString().split('\0').find((field) => field[0] === 'M').slice(1)) }
    }
  })
})
console.log('PostgreSQL:', await login(access_token))
console.log('PostgreSQL, colons replaced by dots:', await login(access_token.replaceAll(':', '.')))
END
trial() {
  node --import ./register.mjs login.mjs "$server_port" 2> warnings
  sleep 0.5
  grep -oE 'malformed OAuth.*|Bearer token is.*|the validator was asked|OAuth bearer authentication failed.*|connection authenticated: .*oauth' server.log
}
expect trial <<'END'
token_type bearer, token ana:...:...
its own API: the API says hello
PostgreSQL: OAuth bearer authentication failed for user "app"
PostgreSQL, colons replaced by dots: let in
malformed OAuth bearer token
Bearer token is not in the correct format.
OAuth bearer authentication failed for user "app"
the validator was asked
connection authenticated: identity="app" method=oauth
END

#!/usr/bin/env bash
# openid-client percent-encodes the hyphen of a client id, and a provider that does not decode knows no such client.
#
# Guess: percent-encoding of HTTP Basic (RFC 6749, section 2.3.1) is a matter for secrets with +, / or : in them. A client
#   called "pg-prod" with a plain secret logs in everywhere.
# What happens: openid-client 6 (oauth4webapi) also encodes - _ . ! ~ * ' ( and ), which decodes to the same and is allowed.
#   @jmondi/oauth2-server takes the user name as it is and looks for a client "pg%2Dprod". The same client without hyphen
#   gets its token, and so does curl with it.
# Who cares: services that fetch their database token by client credentials. The names that people give to
#   clients mostly have a hyphen, and a new secret, which is what one tries first, changes nothing.
# What to do: let the client send id and secret in the form (client_secret_post), or name the client without any of these
#   characters. A validator that asks by introspection has the same choice to make about its own client.
. "$(dirname "$(readlink -f "$0")")/common.sh"

npm_packages openid-client@6.9.0 oauth4webapi@3.8.8 @jmondi/oauth2-server@4.3.7

cat > trial.mjs <<'END'
import { createServer } from 'node:http'
import { AuthorizationServer, JwtService, OAuthRequest } from '@jmondi/oauth2-server'
import * as openid from 'openid-client'
let asked
const client = (id) => ({ id, name: id, secret: 's3cret', redirectUris: [], allowedGrants: ['client_credentials'], scopes: [] })
const provider = new AuthorizationServer(
  { getByIdentifier: async (id) => { asked = id; if (!['pg-prod', 'pgprod'].includes(id)) throw new Error(`no client ${id}`); return client(id) },
    isClientValid: async (_, { secret }, given) => secret === given },
  { issueToken: async (owner, scopes) => ({ accessToken: 'x', accessTokenExpiresAt: new Date(Date.now() + 3600000), client: owner, scopes }),
    persist: async () => {} },
  { getAllByIdentifiers: async () => [], finalize: async (scopes) => scopes },
  new JwtService('0123456789abcdef0123456789abcdef'), { issuer: 'https://idp.example' })
provider.enableGrantType('client_credentials')
const server = createServer(async (request, response) => {
  let body = ''
  for await (const piece of request) body += piece
  const form = Object.fromEntries(new URLSearchParams(body))
  const answer = await provider.respondToAccessTokenRequest(new OAuthRequest({ headers: request.headers, body: form, query: {} }))
    .catch((error) => ({ status: error.status ?? 401, body: { error: error.errorType ?? error.message } }))
  response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body))
}).listen(0, '127.0.0.1')
await new Promise((resolve) => server.once('listening', resolve))
const issuer = `http://127.0.0.1:${server.address().port}`
const metadata = { issuer, token_endpoint: `${issuer}/token` }
for (const id of ['pgprod', 'pg-prod'])
  for (const [way, authentication] of [['Basic', openid.ClientSecretBasic('s3cret')], ['form', openid.ClientSecretPost('s3cret')]]) {
    const configuration = new openid.Configuration(metadata, id, {}, authentication)
    openid.allowInsecureRequests(configuration)
    const said = await openid.clientCredentialsGrant(configuration).then(() => 'a token', () => 'no token')
    console.log(`openid-client, ${id} by ${way}: the provider looked for ${asked}: ${said}`)
  }
const curl = await fetch(`${issuer}/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'client_credentials' }),
  headers: { authorization: `Basic ${btoa('pg-prod:s3cret')}`, 'content-type': 'application/x-www-form-urlencoded' } })
console.log(`unencoded, pg-prod by Basic: the provider looked for ${asked}: ${curl.ok ? 'a token' : 'no token'}`)
server.close()
END
expect node trial.mjs <<'END'
openid-client, pgprod by Basic: the provider looked for pgprod: a token
openid-client, pgprod by form: the provider looked for pgprod: a token
openid-client, pg-prod by Basic: the provider looked for pg%2Dprod: no token
openid-client, pg-prod by form: the provider looked for pg-prod: a token
unencoded, pg-prod by Basic: the provider looked for pg-prod: a token
END

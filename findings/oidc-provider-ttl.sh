#!/usr/bin/env bash
# oidc-provider gives an API's tokens the lifetime of ttl, not the one that was set for the API.
#
# Guess: of two lifetimes the nearer one holds: the accessTokenTTL that getResourceServerInfo returns for this resource,
#   before the ttl of all access tokens.
# What happens: accessTokenTTL is read by the default of ttl alone, which is a function. Whoever writes a number there, as
#   the notice of the default asks for, has every token of that age; accessTokenTTL is taken, checked, and left unused.
# Who cares: a database's resource is given tokens of minutes, so that sessions end with them and a revoked token is soon
#   worth nothing; they live for as long as all others, here 600 seconds in place of 20.
# What to do: let ttl.AccessToken and ttl.ClientCredentials be functions that look at token.resourceServer, or leave
#   them out, and set max_lifetime in the profile, which refuses tokens that are meant for longer.
. "$(dirname "$(readlink -f "$0")")/common.sh"

npm_packages oidc-provider@9.13.3

cat > trial.mjs <<'END'
import { Provider } from 'oidc-provider'

const api = { scope: 'read', audience: 'db', accessTokenFormat: 'jwt', accessTokenTTL: 20 }
const numbers = { AccessToken: 600, ClientCredentials: 600 }
const looking = (_ctx, token) => token.resourceServer?.accessTokenTTL ?? 600
const ways = { 'a number': { ttl: numbers }, nothing: {}, 'a function': { ttl: { ...numbers, ClientCredentials: looking } } }

for (const [name, more] of Object.entries(ways)) {
  const provider = new Provider('http://127.0.0.1', {
    clients: [{ client_id: 'batch', client_secret: 'secret', grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }],
    features: {
      clientCredentials: { enabled: true },
      resourceIndicators: { enabled: true, getResourceServerInfo: async () => api },
    },
    ...more,
  })
  const server = provider.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const response = await fetch(`http://127.0.0.1:${server.address().port}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('batch:secret')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'read', resource: 'urn:db' }),
  })
  const { access_token: token } = await response.json()
  const { iat, exp } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'))
  console.log(`ttl has ${name}: ${exp - iat} seconds`)
  server.close()
}
END
expect node trial.mjs <<'END'
ttl has a number: 600 seconds
oidc-provider NOTICE: default ttl.ClientCredentials function called, you SHOULD change it in order to define the expiration for ClientCredentials artifacts.
ttl has nothing: 20 seconds
ttl has a function: 20 seconds
END

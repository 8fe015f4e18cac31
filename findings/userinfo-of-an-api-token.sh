#!/usr/bin/env bash
# oidc-provider's userinfo endpoint takes no token that is for an API, whatever its scope: groups cannot be asked for with it.
#
# Guess: an access token with the scope openid opens the userinfo endpoint (OpenID Connect Core section 5.3), also if the same
#   token is for an API, such as a database's.
# What happens: a token with an audience of its own (RFC 8707) is answered with 401, as an opaque one and as a JWT. The same
#   user's token without an audience gets the claims, and is no use to the API: it is opaque and has no aud.
# Who cares: whoever wants a server to look up, with the token that logs in, what the token leaves out (lookup, kind userinfo):
#   each login is denied with lookup_refused.
# What to do: have the provider write the claims into the API's tokens (extraTokenClaims), or have it asked about opaque tokens by
#   introspection.
. "$(dirname "$(readlink -f "$0")")/common.sh"

npm_packages oidc-provider@9.13.3

cat > trial.mjs <<'END'
import { generateKeyPairSync } from 'node:crypto'
import { Provider } from 'oidc-provider'

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const jwks = { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'k', alg: 'RS256', use: 'sig' }] }
const api = (accessTokenFormat) => ({ scope: 'db.connect', audience: 'postgres', accessTokenFormat, accessTokenTTL: 60 })
const ttl = { AccessToken: 60, Grant: 60 }
const provider = new Provider('http://127.0.0.1', {
  clients: [{ client_id: 'psql', token_endpoint_auth_method: 'none', redirect_uris: [], response_types: [], grant_types: [] }],
  claims: { openid: ['sub', 'groups'] },
  findAccount: async (_ctx, id) => ({ accountId: id, claims: async () => ({ sub: id, groups: ['dba'] }) }),
  features: { resourceIndicators: { enabled: true, getResourceServerInfo: async () => api('jwt') } },
  jwks, ttl,
})
const server = provider.listen(0, '127.0.0.1')
await new Promise((resolve) => server.once('listening', resolve))
const client = await provider.Client.find('psql')
const grant = new provider.Grant({ accountId: 'ana', clientId: 'psql' })
grant.addOIDCScope('openid')
grant.addResourceScope('urn:db', 'db.connect')
const grantId = await grant.save()
const say = async (name, resourceServer) => {
  const token = new provider.AccessToken({ accountId: 'ana', client, grantId, gty: 'device_code', scope: resourceServer ? 'openid db.connect' : 'openid' })
  if (resourceServer) token.resourceServer = resourceServer
  const value = await token.save()
  const answer = await fetch(`http://127.0.0.1:${server.address().port}/me`, { headers: { authorization: `Bearer ${value}` } })
  const { error, groups } = await answer.json()
  console.log(`${name}: ${answer.status}, ${error ?? `groups ${groups}`}`)
}
await say('for no API')
for (const format of ['opaque', 'jwt']) await say(`for an API, ${format}`, new provider.ResourceServer('urn:db', api(format)))
server.close()
END
expect node trial.mjs <<'END'
for no API: 200, groups dba
for an API, opaque: 401, invalid_token
for an API, jwt: 401, invalid_token
END

#!/usr/bin/env bash
# openid-client compares issuers as URLs, so a spelling that works in the service is refused by libpq and by validators.
#
# Guess: OpenID Connect Discovery wants the issuer exactly as it was configured. A client library that finds another spelling
#   in the document says so.
# What happens: openid-client normalizes both. A slash after the host, a capital in the scheme, /x/../t for /t make no
#   difference; only a slash after a path does. From then on it goes by the spelling of the document. jose compares the iss of
#   tokens as text, and so do libpq (issuer of the line against the document) and validators.
# Who cares: the spelling of the issuer that is copied out of a service that works into pg_hba.conf or a validator's
#   configuration.
# What to do: take the issuer from the document, not from a service's configuration, and compare it with a token's iss.
. "$(dirname "$(readlink -f "$0")")/common.sh"

npm_packages openid-client@6.9.0 oauth4webapi@3.8.8 jose@6.2.18

cat > trial.mjs <<'END'
import { createServer } from 'node:http'
import * as openid from 'openid-client'
import { jwtVerify, SignJWT } from 'jose'
let issuer
const server = createServer((_, response) => response.writeHead(200, { 'content-type': 'application/json' })
  .end(JSON.stringify({ issuer, token_endpoint: `${host}/token`, jwks_uri: `${host}/jwks` }))).listen(0, '127.0.0.1')
await new Promise((resolve) => server.once('listening', resolve))
const host = `http://127.0.0.1:${server.address().port}`
const secret = new TextEncoder().encode('only for this comparison of iss..')
for (const [asked, document] of [['', ''], ['', '/'], ['/', ''], ['/t', '/x/../t'], ['/t', '/t/'], ['/t/', '/t'], ['', 'HTTP']]) {
  issuer = document === 'HTTP' ? host.replace('http', 'HTTP') : host + document
  const openidClient = await openid.discovery(new URL(host + asked), 'psql', undefined, undefined, { execute: [openid.allowInsecureRequests] })
    .then((found) => `goes on with ${found.serverMetadata().issuer.replace(/127.0.0.1:\d+/, 'HOST')}`, (error) => error.code)
  const token = await new SignJWT({}).setProtectedHeader({ alg: 'HS256' }).setIssuer(issuer).sign(secret)
  const jose = await jwtVerify(token, secret, { issuer: host + asked }).then(() => 'verified', (error) => error.message)
  console.log(`configured http://HOST${asked}, document says ${issuer.replace(/127.0.0.1:\d+/, 'HOST')}: openid-client ${openidClient}; jose: ${jose}`)
}
server.close()
END
expect node trial.mjs <<'END'
configured http://HOST, document says http://HOST: openid-client goes on with http://HOST; jose: verified
configured http://HOST, document says http://HOST/: openid-client goes on with http://HOST/; jose: unexpected "iss" claim value
configured http://HOST/, document says http://HOST: openid-client goes on with http://HOST; jose: unexpected "iss" claim value
configured http://HOST/t, document says http://HOST/x/../t: openid-client goes on with http://HOST/x/../t; jose: unexpected "iss" claim value
configured http://HOST/t, document says http://HOST/t/: openid-client OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED; jose: unexpected "iss" claim value
configured http://HOST/t/, document says http://HOST/t: openid-client OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED; jose: unexpected "iss" claim value
configured http://HOST, document says HTTP://HOST: openid-client goes on with HTTP://HOST; jose: unexpected "iss" claim value
END

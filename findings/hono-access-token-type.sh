#!/usr/bin/env bash
# Hono refuses every access token of RFC 9068, since its type is at+jwt.
#
# Guess: typ is a hint. A library that checks no typ by itself lets at+jwt through, as jose, jsonwebtoken and PyJWT do.
# What happens: unless it is told otherwise, Hono's verifyWithJwks takes a token whose typ is JWT or missing, and says "jwt
#   header is invalid" for at+jwt, without naming typ. The option typ takes one or more types instead.
# Who cares: turning on RFC 9068 tokens at the provider, which validators of database logins want since nothing else tells
#   access tokens from ID tokens as well, stops services on Hono that worked with the old tokens.
# What to do: tell their owners about typ: ["JWT", "at+jwt"] before the change, not after it.
. "$(dirname "$(readlink -f "$0")")/common.sh"

npm_packages hono@4.13.19 jose@6.2.18 jsonwebtoken@9.0.3
python_packages pyjwt==2.15.1 cryptography==50.0.2

cat > trial.mjs <<'END'
import { writeFileSync } from 'node:fs'
import { exportJWK, generateKeyPair, jwtVerify, createLocalJWKSet, SignJWT, exportSPKI } from 'jose'
import jsonwebtoken from 'jsonwebtoken'
import { Jwt } from 'hono/utils/jwt'
const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
const keys = [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }]
const sign = (typ) => new SignJWT({ sub: 'ana' }).setProtectedHeader({ alg: 'RS256', kid: 'k1', typ }).setExpirationTime('10 minutes').sign(privateKey)
const tokens = { nothing: await sign(undefined), JWT: await sign('JWT'), 'at+jwt': await sign('at+jwt'), 'application/at+jwt': await sign('application/at+jwt') }
const pem = await exportSPKI(publicKey)
writeFileSync('data.json', JSON.stringify({ tokens, pem }))
const readers = {
  jose: (token) => jwtVerify(token, createLocalJWKSet({ keys })),
  jsonwebtoken: async (token) => jsonwebtoken.verify(token, pem),
  hono: (token) => Jwt.verifyWithJwks(token, { keys, allowedAlgorithms: ['RS256'] }),
  'hono, both types': (token) => Jwt.verifyWithJwks(token, { keys, allowedAlgorithms: ['RS256'], verification: { typ: ['JWT', 'at+jwt'] } }),
}
for (const [name, reader] of Object.entries(readers))
  for (const [typ, token] of Object.entries(tokens))
    console.log(`${name}, typ ${typ}: ${await reader(token).then(() => 'verified', (error) => error.message)}`)
END
cat > read.py <<'END'
import json, jwt
data = json.load(open("data.json"))
for typ, token in data["tokens"].items():
    jwt.decode(token, data["pem"], algorithms=["RS256"])
    print(f"PyJWT, typ {typ}: verified")
END
trial() { node trial.mjs && python/bin/python read.py; }
expect trial <<'END'
jose, typ nothing: verified
jose, typ JWT: verified
jose, typ at+jwt: verified
jose, typ application/at+jwt: verified
jsonwebtoken, typ nothing: verified
jsonwebtoken, typ JWT: verified
jsonwebtoken, typ at+jwt: verified
jsonwebtoken, typ application/at+jwt: verified
hono, typ nothing: verified
hono, typ JWT: verified
hono, typ at+jwt: jwt header is invalid: {"alg":"RS256","kid":"k1","typ":"at+jwt"}
hono, typ application/at+jwt: jwt header is invalid: {"alg":"RS256","kid":"k1","typ":"application/at+jwt"}
hono, both types, typ nothing: jwt header is invalid: {"alg":"RS256","kid":"k1"}
hono, both types, typ JWT: verified
hono, both types, typ at+jwt: verified
hono, both types, typ application/at+jwt: verified
PyJWT, typ nothing: verified
PyJWT, typ JWT: verified
PyJWT, typ at+jwt: verified
PyJWT, typ application/at+jwt: verified
END

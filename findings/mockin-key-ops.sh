#!/usr/bin/env bash
# A key with both use and key_ops, as the provider Mockin publishes them, cannot be used by cryptojwt at all.
#
# Guess: RFC 7517, section 4.3, says that use and key_ops should not both be there, and that they must agree if they are. So
#   {"use": "sig", "key_ops": ["verify"]} is a matter of taste, and any reader takes it.
# What happens: cryptojwt, which idpyoidc and SATOSA read keys with, refuses the key outright, and with it the whole set. jose
#   and PyJWT take it.
# Who cares: the same key set serves the database's logins without any complaint, so "the keys are broken" and "the keys are
#   fine" are both said, and both by people who tried.
# What to do: tell the owner of the other service which member is at fault; where the provider can leave out key_ops, have it
#   left out.
. "$(dirname "$(readlink -f "$0")")/common.sh"

npm_packages @hellocoop/mockin@2.0.0 jose@6.2.18
python_packages cryptojwt==1.11.0 pyjwt==2.15.1 cryptography==50.0.2

port=$(free_port)
ISSUER=http://127.0.0.1:$port PORT=$port node node_modules/@hellocoop/mockin/src/server.js > mockin.log 2>&1 &
started+=($!)
cat > fetch.mjs <<'END'
import { writeFileSync } from 'node:fs'
const issuer = process.argv[2]
for (let tries = 0; ; tries++) {
  const answer = await fetch(`${issuer}/.well-known/openid-configuration`).catch((error) => { if (tries > 100) throw error })
  if (answer?.ok) {
    const keys = await (await fetch((await answer.json()).jwks_uri)).json()
    writeFileSync('jwks.json', JSON.stringify(keys))
    break
  }
  await new Promise((resolve) => setTimeout(resolve, 100))
}
END
cat > read.mjs <<'END'
import { readFileSync } from 'node:fs'
import { createLocalJWKSet } from 'jose'
const keys = JSON.parse(readFileSync('jwks.json'))
const { kty, alg, use, key_ops, kid } = keys.keys[0]
console.log(`Mockin's first key: ${JSON.stringify({ kty, alg, use, key_ops })}`)
console.log(`jose: a ${(await createLocalJWKSet(keys)({ alg, kid })).type} key for ${alg}`)
END
cat > read.py <<'END'
import json
import jwt
from cryptojwt.key_bundle import KeyBundle
keys = json.load(open("jwks.json"))
print("PyJWT:", len(jwt.PyJWKSet.from_dict(keys).keys), "of", len(keys["keys"]), "keys")
try:
    print("cryptojwt:", len(KeyBundle(keys=keys["keys"]).keys()), "of", len(keys["keys"]), "keys")
except Exception as error:
    print(f"cryptojwt: {type(error).__name__}: {error}")
END
node fetch.mjs "http://127.0.0.1:$port"
trial() { node read.mjs && python/bin/python read.py; }
expect trial <<'END'
Mockin's first key: {"kty":"RSA","alg":"RS256","use":"sig","key_ops":["verify"]}
jose: a public key for RS256
PyJWT: 3 of 3 keys
cryptojwt: ValueError: Not allowed to specify use and key_ops
END

#!/usr/bin/env bash
# One kid for keys of two types is allowed, and half of the libraries take the wrong key.
#
# Guess: RFC 7517, section 4.5, has the example itself: different keys may share a kid if an application takes their kty to
#   be alternatives. Libraries look at the token's alg as well as at its kid.
# What happens: PyJWT, Authlib, python-jose, jwks-rsa, Hono and aws-jwt-verify stop at the first key with that kid and then
#   complain about the algorithm; PyJWT's text reads as if the token were forged. jose, jwcrypto and joserfc go by both.
# Who cares: providers that name keys by date ("2026-11") or "default" and publish an RSA and an EC key. The order of the
#   keys decides which of the two algorithms works.
# What to do: have the provider give each key its own kid, best its thumbprint (RFC 7638). Until then expect errors about
#   algorithms from the services around the database, and do not answer them by allowing more algorithms.
. "$(dirname "$(readlink -f "$0")")/common.sh"

python_packages pyjwt==2.15.1 authlib==1.9.10 'python-jose[cryptography]==3.5.0' jwcrypto==1.6.1 joserfc==1.8.0 cryptography==50.0.2
npm_packages jose@6.2.18 jwks-rsa@4.1.0 hono@4.13.19 aws-jwt-verify@5.2.1 jsonwebtoken@9.0.3

cat > make.py <<'END'
import json, time, jwt
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
rsa_private, ec_private = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
def key(text, alg): return {**json.loads(text), "kid": "2026-11", "use": "sig", "alg": alg}
keys = [key(RSAAlgorithm.to_jwk(rsa_private.public_key()), "RS256"), key(ECAlgorithm.to_jwk(ec_private.public_key()), "ES256")]
for one in keys: one.pop("key_ops", None)
claims = {"iss": "https://idp.example", "aud": "db", "sub": "ana", "exp": int(time.time()) + 600}
tokens = {alg: jwt.encode(claims, private, alg, headers={"kid": "2026-11"})
          for alg, private in (("RS256", rsa_private), ("ES256", ec_private))}
json.dump({"keys": keys, "tokens": tokens}, open("data.json", "w"))
END
cat > read.py <<'END'
import json, warnings
warnings.simplefilter("ignore")
import jwt
from authlib.jose import JsonWebKey, JsonWebToken
from jose import jwt as python_jose
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet
from jwcrypto import jwk as jwcrypto_jwk, jwt as jwcrypto_jwt
data = json.load(open("data.json"))
keys, algorithms = {"keys": data["keys"]}, ["RS256", "ES256"]
readers = {
    "PyJWT": lambda token: jwt.decode(token, jwt.PyJWKSet.from_dict(keys)["2026-11"], algorithms=algorithms, audience="db"),
    "Authlib": lambda token: JsonWebToken(algorithms).decode(token, JsonWebKey.import_key_set(keys)),
    "python-jose": lambda token: python_jose.decode(token, keys, algorithms=algorithms, audience="db"),
    "jwcrypto": lambda token: jwcrypto_jwt.JWT(jwt=token, key=jwcrypto_jwk.JWKSet.from_json(json.dumps(keys))),
    "joserfc": lambda token: joserfc_jwt.decode(token, KeySet.import_key_set(keys), algorithms=algorithms),
}
for name, reader in readers.items():
    for alg, token in data["tokens"].items():
        try:
            reader(token)
            print(f"{name:14} {alg} verified")
        except Exception as error:
            print(f"{name:14} {alg} {type(error).__name__}: {error}")
END
cat > read.mjs <<'END'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createLocalJWKSet, jwtVerify } from 'jose'
import jwksRsa from 'jwks-rsa'
import jsonwebtoken from 'jsonwebtoken'
import { Jwt } from 'hono/utils/jwt'
import { JwtVerifier } from 'aws-jwt-verify/jwt-verifier'
const { keys, tokens } = JSON.parse(readFileSync('data.json'))
const server = createServer((_, response) => response.end(JSON.stringify({ keys }))).listen(0, '127.0.0.1')
await new Promise((resolve) => server.once('listening', resolve))
const jwksUri = `http://127.0.0.1:${server.address().port}/`
const aws = JwtVerifier.create({ issuer: 'https://idp.example', audience: 'db', jwksUri: 'https://idp.example/jwks' })
aws.cacheJwks({ keys })
const readers = {
  jose: (token) => jwtVerify(token, createLocalJWKSet({ keys })),
  'jwks-rsa': async (token) => jsonwebtoken.verify(token, (await jwksRsa({ jwksUri }).getSigningKey('2026-11')).getPublicKey()),
  hono: (token) => Jwt.verifyWithJwks(token, { keys, allowedAlgorithms: ['RS256', 'ES256'] }),
  'aws-jwt-verify': async (token) => aws.verifySync(token),
}
for (const [name, reader] of Object.entries(readers))
  for (const [alg, token] of Object.entries(tokens)) {
    const said = await reader(token).then(() => 'verified', (error) => `${error.name}: ${error.message}`)
    console.log(`${name.padEnd(14)} ${alg} ${said}`)
  }
server.close()
END
python/bin/python make.py
trial() { python/bin/python read.py && node read.mjs; }
expect trial <<'END'
PyJWT          RS256 verified
PyJWT          ES256 InvalidAlgorithmError: Token algorithm 'ES256' does not match the key's algorithm 'RS256'
Authlib        RS256 verified
Authlib        ES256 KeyError: 0
python-jose    RS256 verified
python-jose    ES256 JWKError: Incorrect key type. Expected: 'EC', Received: RSA
jwcrypto       RS256 verified
jwcrypto       ES256 verified
joserfc        RS256 verified
joserfc        ES256 verified
jose           RS256 verified
jose           ES256 verified
jwks-rsa       RS256 verified
jwks-rsa       ES256 JsonWebTokenError: invalid algorithm
hono           RS256 verified
hono           ES256 JwtAlgorithmMismatch: JWT algorithm mismatch: expected "RS256", got "ES256"
aws-jwt-verify RS256 verified
aws-jwt-verify ES256 Error: JWT signature algorithm not allowed: ES256. Expected: RS256
END

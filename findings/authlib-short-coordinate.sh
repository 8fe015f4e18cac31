#!/usr/bin/env bash
# One EC key of 128 that Authlib publishes from a PEM file is one octet too short, and gets a wrong thumbprint for its kid.
#
# Guess: RFC 7518, section 6.2.1.2, wants coordinates in their full length with zeros in front, which every library that
#   writes keys does, since shorter ones were a well-known fault a decade ago.
# What happens: Authlib writes x and y as numbers, without leading zeros. PyJWT then finds no usable key (and asks about
#   cryptography), node-jose finds none either; jose, jwcrypto and joserfc take it. Its kid, the thumbprint of the short form,
#   is not the thumbprint that anybody else computes for this key (RFC 7638).
# Who cares: a provider built on Authlib works for months, and after one rotation in about 128 the key is refused by strict
#   readers, and a deny list by thumbprint does not name it by the kid that the provider shows.
# What to do: generate another key (a matter of one try), or export it with another library; compute the thumbprint for a
#   deny list from the full form of the key.
. "$(dirname "$(readlink -f "$0")")/common.sh"

python_packages authlib==1.9.10 pyjwt==2.15.1 jwcrypto==1.6.1 joserfc==1.8.0 cryptography==50.0.2
npm_packages node-jose@2.2.0 jose@6.2.18

cat > trial.py <<'END'
import json, time, warnings
warnings.simplefilter("ignore")
import jwt
from authlib.jose import JsonWebKey
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet
from jwcrypto import jwk as jwcrypto_jwk, jwt as jwcrypto_jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
# The first key whose x begins with a zero octet; about 256 tries.
while True:
    private = ec.generate_private_key(ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    if 240 < numbers.x.bit_length() <= 248 and numbers.y.bit_length() > 248:
        break
pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
key = dict(JsonWebKey.import_key(pem, {"kty": "EC"}).as_dict())
print(f"Authlib: x has {len(key['x'])} characters, y has {len(key['y'])}")
print("its kid is the thumbprint that jwcrypto computes:", key["kid"] == jwcrypto_jwk.JWK.from_pem(pem).thumbprint())
token = jwt.encode({"sub": "ana", "exp": int(time.time()) + 600}, private, "ES256", headers={"kid": key["kid"]})
keys = {"keys": [key]}
json.dump({"token": token, "keys": keys}, open("data.json", "w"))
readers = {
    "PyJWT": lambda: jwt.decode(token, jwt.PyJWKSet.from_dict(keys)[key["kid"]], algorithms=["ES256"]),
    "jwcrypto": lambda: jwcrypto_jwt.JWT(jwt=token, key=jwcrypto_jwk.JWKSet.from_json(json.dumps(keys))),
    "joserfc": lambda: joserfc_jwt.decode(token, KeySet.import_key_set(keys)),
}
for name, reader in readers.items():
    try:
        reader()
        print(f"{name}: verified")
    except Exception as error:
        print(f"{name}: {type(error).__name__}: {error}")
END
cat > read.mjs <<'END'
import { readFileSync } from 'node:fs'
import nodeJose from 'node-jose'
import { createLocalJWKSet, jwtVerify } from 'jose'
const { token, keys } = JSON.parse(readFileSync('data.json'))
const say = async (name, work) => console.log(`${name}: ${await work().then(() => 'verified', (error) => `${error.name}: ${error.message}`)}`)
await say('jose', () => jwtVerify(token, createLocalJWKSet(keys)))
await say('node-jose', async () => nodeJose.JWS.createVerify(await nodeJose.JWK.asKeyStore(keys)).verify(token))
END
trial() { python/bin/python trial.py && node read.mjs; }
expect trial <<'END'
Authlib: x has 42 characters, y has 43
its kid is the thumbprint that jwcrypto computes: False
PyJWT: PyJWKSetError: The JWK Set did not contain any usable keys. Perhaps 'cryptography' is not installed?
jwcrypto: verified
joserfc: verified
jose: verified
node-jose: Error: no key found
END

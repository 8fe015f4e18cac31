#!/usr/bin/env bash
# One key that a library does not know makes its whole key set unreadable.
#
# Guess: RFC 7517, section 5, says that keys of unknown types or parameters are to be ignored, so the RSA key beside them
#   goes on working everywhere.
# What happens: node-jose gives up on a set with an Ed25519, X25519 or ML-DSA key, Authlib and jwskate on an ML-DSA key (the
#   first with a bare KeyError), joserfc and jwskate on a curve that they do not know. Tokens of the RSA key, which did not
#   change, are refused from then on.
# Who cares: a provider that publishes an additional key for a trial (EdDSA, post-quantum, a Brainpool curve) breaks
#   services that share it with the database, and the database is suspected since it asked last.
# What to do: read the key set that the provider serves now. If a key of a new kind came at the time of the outage, the other
#   service's library is at fault; a validator must leave such a key out by itself and say so.
. "$(dirname "$(readlink -f "$0")")/common.sh"

python_packages authlib==1.9.10 joserfc==1.8.0 jwskate==0.12.2 pyjwt==2.15.1 jwcrypto==1.6.1 cryptography==50.0.2
npm_packages node-jose@2.2.0 jose@6.2.18

cat > make.py <<'END'
import base64, json, time, jwt
from cryptography.hazmat.primitives.asymmetric import rsa
def text(data): return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
private = rsa.generate_private_key(65537, 2048)
good = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key())), "kid": "k1", "use": "sig", "alg": "RS256"}
good.pop("key_ops", None)
token = jwt.encode({"sub": "ana", "exp": int(time.time()) + 600}, private, "RS256", headers={"kid": "k1"})
beside = {
    "nothing": [],
    "Ed25519": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "e",
                 "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}],
    "X25519": [{"kty": "OKP", "crv": "X25519", "use": "enc", "kid": "x",
                "x": "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"}],
    "ML-DSA": [{"kty": "AKP", "alg": "ML-DSA-44", "use": "sig", "kid": "p", "pub": text(b"\1" * 1312)}],
    # A point of brainpoolP256r1: its generator.
    "BP-256": [{"kty": "EC", "crv": "BP-256", "use": "sig", "kid": "b",
                "x": text(bytes.fromhex("8bd2aeb9cb7e57cb2c4b482ffc81b7afb9de27e1e3bd23c23a4453bd9ace3262")),
                "y": text(bytes.fromhex("547ef835c3dac4fd97f8461a14611dc9c27745132ded8e545c1d54c72f046997"))}],
}
json.dump({"token": token, "sets": {name: {"keys": keys + [good]} for name, keys in beside.items()}}, open("sets.json", "w"))
END
cat > read.py <<'END'
import json, warnings
warnings.simplefilter("ignore")
import jwt
from authlib.jose import JsonWebKey, JsonWebToken
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet
from jwcrypto import jwk as jwcrypto_jwk, jwt as jwcrypto_jwt
from jwskate import JwkSet, Jwt
data = json.load(open("sets.json"))
token = data["token"]
readers = {
    "PyJWT": lambda keys: jwt.decode(token, jwt.PyJWKSet.from_dict(keys)["k1"], algorithms=["RS256"]),
    "jwcrypto": lambda keys: jwcrypto_jwt.JWT(jwt=token, key=jwcrypto_jwk.JWKSet.from_json(json.dumps(keys))),
    "Authlib": lambda keys: JsonWebToken(["RS256"]).decode(token, JsonWebKey.import_key_set(keys)),
    "joserfc": lambda keys: joserfc_jwt.decode(token, KeySet.import_key_set(keys)),
    "jwskate": lambda keys: Jwt(token).verify_signature(JwkSet(keys), algs=["RS256"]) or 1 / 0,
}
for name, reader in readers.items():
    for kind, keys in data["sets"].items():
        try:
            reader(keys)
            print(f"{name:9} RSA beside {kind:8} verified")
        except Exception as error:
            print(f"{name:9} RSA beside {kind:8} {type(error).__name__}: {str(error)[:60]}")
END
cat > read.mjs <<'END'
import { readFileSync } from 'node:fs'
import nodeJose from 'node-jose'
import { createLocalJWKSet, jwtVerify } from 'jose'
const { token, sets } = JSON.parse(readFileSync('sets.json'))
const readers = {
  jose: (keys) => jwtVerify(token, createLocalJWKSet(keys)),
  'node-jose': async (keys) => nodeJose.JWS.createVerify(await nodeJose.JWK.asKeyStore(keys)).verify(token),
}
for (const [name, reader] of Object.entries(readers))
  for (const [kind, keys] of Object.entries(sets)) {
    const said = await reader(keys).then(() => 'verified', (error) => `${error.name}: ${error.message}`)
    console.log(`${name.padEnd(9)} RSA beside ${kind.padEnd(8)} ${said}`)
  }
END
python/bin/python make.py
trial() { python/bin/python read.py && node read.mjs; }
expect trial <<'END'
PyJWT     RSA beside nothing  verified
PyJWT     RSA beside Ed25519  verified
PyJWT     RSA beside X25519   verified
PyJWT     RSA beside ML-DSA   verified
PyJWT     RSA beside BP-256   verified
jwcrypto  RSA beside nothing  verified
jwcrypto  RSA beside Ed25519  verified
jwcrypto  RSA beside X25519   verified
jwcrypto  RSA beside ML-DSA   verified
jwcrypto  RSA beside BP-256   verified
Authlib   RSA beside nothing  verified
Authlib   RSA beside Ed25519  verified
Authlib   RSA beside X25519   verified
Authlib   RSA beside ML-DSA   KeyError: 'AKP'
Authlib   RSA beside BP-256   verified
joserfc   RSA beside nothing  verified
joserfc   RSA beside Ed25519  verified
joserfc   RSA beside X25519   verified
joserfc   RSA beside ML-DSA   verified
joserfc   RSA beside BP-256   KeyError: 'BP-256'
jwskate   RSA beside nothing  verified
jwskate   RSA beside Ed25519  verified
jwskate   RSA beside X25519   verified
jwskate   RSA beside ML-DSA   InvalidJwk: ('Unsupported Key Type', 'AKP')
jwskate   RSA beside BP-256   UnsupportedEllipticCurve: 'BP-256'
jose      RSA beside nothing  verified
jose      RSA beside Ed25519  verified
jose      RSA beside X25519   verified
jose      RSA beside ML-DSA   verified
jose      RSA beside BP-256   verified
node-jose RSA beside nothing  verified
node-jose RSA beside Ed25519  Error: unsupported key type
node-jose RSA beside X25519   Error: unsupported key type
node-jose RSA beside ML-DSA   Error: unsupported key type
node-jose RSA beside BP-256   verified
END

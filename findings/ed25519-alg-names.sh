#!/usr/bin/env bash
# An Ed25519 key has two names for its algorithm, and five libraries draw five different conclusions.
#
# Guess: RFC 9864 has deprecated "EdDSA" for "Ed25519" since the old name leaves the curve open. Libraries know one name or
#   both; whoever knows both takes either for the same key.
# What happens: only jwcrypto does. jose and joserfc know both but tie the token's name to the key's ("No key for kid: 'k1'",
#   although it is there). Authlib takes either name in the key and only the old one in the token. PyJWT drops a key with the
#   new name without a word, and if no key is left asks whether cryptography is installed, which it is.
# Who cares: oidc-provider 9 issues alg "Ed25519" when its key says so. After the change some services take the provider's
#   tokens, and the others find no key, or no package.
# What to do: leave alg out of the provider's Ed25519 key and go on issuing "EdDSA" until all readers are known: that is what
#   all five take. When "cryptography is not installed" is said of a program that has it, look at the key set first.
. "$(dirname "$(readlink -f "$0")")/common.sh"

python_packages pyjwt==2.15.1 jwcrypto==1.6.1 joserfc==1.8.0 authlib==1.9.10 cryptography==50.0.2
npm_packages jose@6.2.18

cat > make.py <<'END'
import base64, json, time
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
def text(data): return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
private = Ed25519PrivateKey.generate()
key = {"kty": "OKP", "crv": "Ed25519", "kid": "k1", "use": "sig", "x": text(private.public_key().public_bytes_raw())}
def sign(alg):
    signed = ".".join(text(json.dumps(part).encode())
                      for part in ({"alg": alg, "kid": "k1"}, {"sub": "ana", "exp": int(time.time()) + 600}))
    return signed + "." + text(private.sign(signed.encode()))
json.dump([[header, alg, sign(header), {"keys": [{**key, **({"alg": alg} if alg else {})}]}]
           for header in ("EdDSA", "Ed25519") for alg in ("EdDSA", "Ed25519", "")], open("cases.json", "w"))
END
cat > read.py <<'END'
import json, warnings
warnings.simplefilter("ignore")
import jwt
from authlib.jose import JsonWebKey, JsonWebToken
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet
from jwcrypto import jwk as jwcrypto_jwk, jwt as jwcrypto_jwt
both = ["EdDSA", "Ed25519"]
readers = {
    "PyJWT": lambda token, keys: jwt.decode(token, jwt.PyJWKSet.from_dict(keys)["k1"], algorithms=both),
    "Authlib": lambda token, keys: JsonWebToken(both).decode(token, JsonWebKey.import_key_set(keys)),
    "joserfc": lambda token, keys: joserfc_jwt.decode(token, KeySet.import_key_set(keys), algorithms=both),
    "jwcrypto": lambda token, keys: jwcrypto_jwt.JWT(jwt=token, key=jwcrypto_jwk.JWKSet.from_json(json.dumps(keys)), algs=both),
}
for name, reader in readers.items():
    for header, alg, token, keys in json.load(open("cases.json")):
        try:
            reader(token, keys)
            said = "verified"
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        print(f"{name:8} token says {header:7} key says {alg or 'nothing':7} {said}")
END
cat > read.mjs <<'END'
import { readFileSync } from 'node:fs'
import { createLocalJWKSet, jwtVerify } from 'jose'
for (const [header, alg, token, keys] of JSON.parse(readFileSync('cases.json'))) {
  const said = await jwtVerify(token, createLocalJWKSet(keys)).then(() => 'verified', (error) => `${error.name}: ${error.message}`)
  console.log(`jose     token says ${header.padEnd(7)} key says ${(alg || 'nothing').padEnd(7)} ${said}`)
}
END
python/bin/python make.py
trial() { python/bin/python read.py && node read.mjs; }
expect trial <<'END'
PyJWT    token says EdDSA   key says EdDSA   verified
PyJWT    token says EdDSA   key says Ed25519 PyJWKSetError: The JWK Set did not contain any usable keys. Perhaps 'cryptography' is not installed?
PyJWT    token says EdDSA   key says nothing verified
PyJWT    token says Ed25519 key says EdDSA   InvalidAlgorithmError: Token algorithm 'Ed25519' does not match the key's algorithm 'EdDSA'
PyJWT    token says Ed25519 key says Ed25519 PyJWKSetError: The JWK Set did not contain any usable keys. Perhaps 'cryptography' is not installed?
PyJWT    token says Ed25519 key says nothing InvalidAlgorithmError: Token algorithm 'Ed25519' does not match the key's algorithm 'EdDSA'
Authlib  token says EdDSA   key says EdDSA   verified
Authlib  token says EdDSA   key says Ed25519 verified
Authlib  token says EdDSA   key says nothing verified
Authlib  token says Ed25519 key says EdDSA   UnsupportedAlgorithmError: unsupported_algorithm: 
Authlib  token says Ed25519 key says Ed25519 UnsupportedAlgorithmError: unsupported_algorithm: 
Authlib  token says Ed25519 key says nothing UnsupportedAlgorithmError: unsupported_algorithm: 
joserfc  token says EdDSA   key says EdDSA   verified
joserfc  token says EdDSA   key says Ed25519 InvalidKeyIdError: invalid_key_id: No key for kid: 'k1'
joserfc  token says EdDSA   key says nothing verified
joserfc  token says Ed25519 key says EdDSA   InvalidKeyIdError: invalid_key_id: No key for kid: 'k1'
joserfc  token says Ed25519 key says Ed25519 verified
joserfc  token says Ed25519 key says nothing verified
jwcrypto token says EdDSA   key says EdDSA   verified
jwcrypto token says EdDSA   key says Ed25519 verified
jwcrypto token says EdDSA   key says nothing verified
jwcrypto token says Ed25519 key says EdDSA   verified
jwcrypto token says Ed25519 key says Ed25519 verified
jwcrypto token says Ed25519 key says nothing verified
jose     token says EdDSA   key says EdDSA   verified
jose     token says EdDSA   key says Ed25519 JWKSNoMatchingKey: no applicable key found in the JSON Web Key Set
jose     token says EdDSA   key says nothing verified
jose     token says Ed25519 key says EdDSA   JWKSNoMatchingKey: no applicable key found in the JSON Web Key Set
jose     token says Ed25519 key says Ed25519 verified
jose     token says Ed25519 key says nothing verified
END

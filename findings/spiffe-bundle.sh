#!/usr/bin/env bash
# A SPIFFE bundle with keys of both kinds is refused by the SPIFFE library for Python, and by JOSE libraries for other reasons.
#
# Guess: bundles are key sets whose keys say use "jwt-svid" or "x509-svid". SPIFFE's own library takes the first kind and
#   passes over the second; JOSE libraries find no key with use "sig", or ignore use.
# What happens: spiffe for Python fails on the whole bundle as soon as an x509-svid key is in it, since those have no kid,
#   which the specification allows. joserfc fails on the whole set since use must be "sig" or "enc", which RFC 7517 does not
#   say. jose and PyJWKClient find no key. PyJWT's PyJWKSet and python-jose verify the token.
# Who cares: workloads that log in to the database with a JWT-SVID, their token checked by several programs on its way: which
#   library reads the bundle decides, and only one of the messages names use.
# What to do: publish the keys in OIDC's form too (SPIRE has a discovery provider for that), and point everybody there but
#   SPIFFE's own libraries.
. "$(dirname "$(readlink -f "$0")")/common.sh"

python_packages spiffe==0.3.2 pyjwt==2.15.1 joserfc==1.8.0 'python-jose[cryptography]==3.5.0' cryptography==50.0.2
npm_packages jose@6.2.18

cat > trial.py <<'END'
import base64, datetime, json, time, jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from jose import jwt as python_jose
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet
from spiffe import JwtBundle, TrustDomain
def key(private, **members):
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(private.public_key()))
    return {**{name: public[name] for name in ("kty", "crv", "x", "y")}, **members}
ca, signer = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
now = datetime.datetime.now(datetime.timezone.utc)
certificate = (x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(x509.Name([])).public_key(ca.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
               .sign(ca, hashes.SHA256()).public_bytes(Encoding.DER))
jwt_key = key(signer, use="jwt-svid", kid="authority-1")
x509_key = key(ca, use="x509-svid", x5c=[base64.b64encode(certificate).decode()])
token = jwt.encode({"sub": "spiffe://corp.example/billing", "aud": "db", "exp": int(time.time()) + 600}, signer, "ES256",
                   headers={"kid": "authority-1"})
bundle = {"keys": [jwt_key, x509_key], "spiffe_sequence": 1, "spiffe_refresh_hint": 300}
json.dump({"token": token, "bundle": bundle}, open("data.json", "w"))
client = jwt.PyJWKClient("https://idp.example/unused")
client.fetch_data = lambda: bundle
def parse(keys): return JwtBundle.parse(TrustDomain("corp.example"), json.dumps({"keys": keys}).encode())
readers = {
    "spiffe, jwt-svid alone": lambda: parse([jwt_key]),
    "spiffe, the whole bundle": lambda: parse(bundle["keys"]),
    "joserfc": lambda: joserfc_jwt.decode(token, KeySet.import_key_set(bundle)),
    "PyJWKClient": lambda: client.get_signing_key_from_jwt(token),
    "PyJWKSet": lambda: jwt.decode(token, jwt.PyJWKSet.from_dict(bundle)["authority-1"], algorithms=["ES256"], audience="db"),
    "python-jose": lambda: python_jose.decode(token, bundle, algorithms=["ES256"], audience="db"),
}
for name, reader in readers.items():
    try:
        reader()
        print(f"{name}: taken")
    except Exception as error:
        print(f"{name}: {type(error).__name__}: {error}")
END
cat > read.mjs <<'END'
import { readFileSync } from 'node:fs'
import { createLocalJWKSet, jwtVerify } from 'jose'
const { token, bundle } = JSON.parse(readFileSync('data.json'))
console.log('jose:', await jwtVerify(token, createLocalJWKSet(bundle)).then(() => 'taken', (error) => `${error.name}: ${error.message}`))
END
trial() { python/bin/python trial.py && node read.mjs; }
expect trial <<'END'
spiffe, jwt-svid alone: taken
spiffe, the whole bundle: ParseJWTBundleError: Error parsing JWT bundle: Error adding authority from JWKS: "keyID" cannot be empty
joserfc: KeyParameterError: key_parameter: 'use' must be one of ['sig', 'enc']
PyJWKClient: PyJWKClientError: The JWKS endpoint did not contain any signing keys
PyJWKSet: taken
python-jose: taken
jose: JWKSNoMatchingKey: no applicable key found in the JSON Web Key Set
END

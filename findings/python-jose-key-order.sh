#!/usr/bin/env bash
# python-jose does not look at kid: a key of another type breaks it when it stands in front, and not when it stands behind.
#
# Guess: a key set is a set. The library takes the key that the token's kid names, or tries the keys that fit its alg.
# What happens: it tries the keys one after the other, whatever their kid and use, and the first of another key type ends the
#   search with an error that names the type, although the right key comes next.
# Who cares: rotation, or an encryption key that the provider adds, moves the order of its key set. A Python service then
#   refuses every token although the same token goes on logging in to the database, or the other way round in suspicion.
# What to do: compare the order of the keys before and after. A provider that can append keys should; the service should
#   pick the key by kid itself, or change its library.
. "$(dirname "$(readlink -f "$0")")/common.sh"

python_packages 'python-jose[cryptography]==3.5.0' cryptography==50.0.2

cat > trial.py <<'END'
import base64, json, time
from jose import jwk, jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
def pair(key, alg, kid):
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = jwk.construct(pem, alg).public_key().to_dict()
    return pem, {**{name: value.decode() if isinstance(value, bytes) else value for name, value in public.items()},
                 "kid": kid, "use": "sig"}
pem, rsa_key = pair(rsa.generate_private_key(65537, 2048), "RS256", "rsa-1")
_, other_rsa = pair(rsa.generate_private_key(65537, 2048), "RS256", "rsa-0")
_, ec_key = pair(ec.generate_private_key(ec.SECP256R1()), "ES256", "ec-1")
okp_key = {"kty": "OKP", "crv": "X25519", "use": "enc", "kid": "enc-1", "x": "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"}
token = jwt.encode({"sub": "ana", "exp": int(time.time()) + 600}, pem, "RS256", headers={"kid": "rsa-1"})
for keys in ([rsa_key], [rsa_key, ec_key], [ec_key, rsa_key], [rsa_key, okp_key], [okp_key, rsa_key], [other_rsa, rsa_key]):
    try:
        jwt.decode(token, {"keys": keys}, algorithms=["RS256"])
        said = "verified"
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
    print(f"token of rsa-1, keys {', '.join(key['kid'] for key in keys):15} {said}")
END
expect python/bin/python trial.py <<'END'
token of rsa-1, keys rsa-1           verified
token of rsa-1, keys rsa-1, ec-1     verified
token of rsa-1, keys ec-1, rsa-1     JWKError: Incorrect key type. Expected: 'RSA', Received: EC
token of rsa-1, keys rsa-1, enc-1    verified
token of rsa-1, keys enc-1, rsa-1    JWKError: Incorrect key type. Expected: 'RSA', Received: OKP
token of rsa-1, keys rsa-0, rsa-1    verified
END

#!/usr/bin/env bash
# Signed tokens of itsdangerous look like JWTs, and a JWT library reads their content as the header.
#
# Guess: what begins with "eyJ" and has three parts is a JWT; opaque tokens of a provider are random text.
# What happens: itsdangerous (Flask) makes CONTENT.TIME.SIGNATURE in base64url, and the content of a JSON object begins with
#   "eyJ". PyJWT's get_unverified_header gives the claims back as the header; where a claim is called alg or kid, or kid is a
#   number, its complaint is about that. A longer content is compressed, begins with a dot and has four parts.
# Who cares: whoever takes opaque tokens by introspection and sorts them from JWTs by how they begin: a token that has to be
#   asked about is refused as a malformed JWT, and short and long tokens of one provider go different ways.
# What to do: decide by the provider, not by the token: a profile for introspection must send anything that is not certainly
#   a JWT (a header that is an object with alg) to the provider.
. "$(dirname "$(readlink -f "$0")")/common.sh"

python_packages itsdangerous==2.2.0 pyjwt==2.15.1

cat > trial.py <<'END'
import jwt
from itsdangerous import URLSafeTimedSerializer
tokens = URLSafeTimedSerializer("a key for this trial")
for content in ({"sub": "ana"}, {"sub": "ana", "kid": 7}, {"sub": "ana", "groups": ["readers"] * 40}, ["ana"]):
    token = tokens.dumps(content)
    begins = token[:3]
    try:
        said = f"header {jwt.get_unverified_header(token)}"
    except jwt.PyJWTError as error:
        said = f"{type(error).__name__}: {error}"
    print(f"{str(content)[:40]}: begins with {begins}, {token.count('.') + 1} parts; PyJWT: {said}")
END
expect python/bin/python trial.py <<'END'
{'sub': 'ana'}: begins with eyJ, 3 parts; PyJWT: header {'sub': 'ana'}
{'sub': 'ana', 'kid': 7}: begins with eyJ, 3 parts; PyJWT: InvalidTokenError: Key ID header parameter must be a string
{'sub': 'ana', 'groups': ['readers', 're: begins with .eJ, 4 parts; PyJWT: DecodeError: Invalid header string: Expecting value: line 1 column 1 (char 0)
['ana']: begins with WyJ, 3 parts; PyJWT: DecodeError: Invalid header string: must be a json object
END

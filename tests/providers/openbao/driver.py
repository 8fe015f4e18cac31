"""OpenBao as a development server: its identity tokens, signed by the algorithm of the argument.

Two issuers share one path: identity tokens are signed texts for services, and the OIDC provider below it has ID tokens.
"""

import json
import shutil
import subprocess
import sys

from protocol import Browser, free_port, serve, start, wait_for_port

ALGORITHM = sys.argv[1]
PORT, CLUSTER = free_port(), free_port()
ROOT = "root-for-a-test"
BASE = f"http://127.0.0.1:{PORT}/v1"
ISSUER = f"{BASE}/identity/oidc"

BAO = shutil.which("bao", path="python/bin")
start(BAO, "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={ROOT}", f"-dev-listen-address=127.0.0.1:{PORT}")
wait_for_port(PORT)


def call(method, path, token=ROOT, **body):
    """One request of OpenBao's API."""
    headers = {"X-Vault-Token": token, "Content-Type": "application/json"}
    status, text, _ = Browser().request(f"{BASE}/{path}", headers=headers, method=method, body=json.dumps(body).encode() if body else None)
    if not 200 <= status < 300:
        raise SystemExit(f"{method} {path}: {status} {text[:300]}")
    return json.loads(text) if text else {}


call("POST", "identity/oidc/config", issuer=f"http://127.0.0.1:{PORT}")
call("POST", "sys/auth/userpass", type="userpass")
call("POST", "identity/oidc/key/k", algorithm=ALGORITHM, allowed_client_ids=["*"], verification_ttl="1h")
TEMPLATE = '{"scope": "openid db.connect"}'
for role, audience, ttl in [("pg", "api://postgres", "1h"), ("reports", "api://reports", "1h"), ("short", "api://postgres", "2s")]:
    call("POST", f"identity/oidc/role/{role}", key="k", client_id=audience, ttl=ttl, template=TEMPLATE)
call("POST", "sys/policies/acl/tokens", policy='path "identity/oidc/token/*" { capabilities = ["read"] }')
call("POST", "auth/userpass/users/ana", password="any", token_policies=["tokens"])
ana = call("POST", "auth/userpass/login/ana", password="any")["auth"]


def identity_token(role):
    """A token of ana's for a service."""
    return call("GET", f"identity/oidc/token/{role}", ana["client_token"])["data"]["token"]


def rotate():
    """Has the key replaced; the next one was published beforehand."""
    call("POST", "identity/oidc/key/k/rotate")
    return {"token": identity_token("pg")}


serve({
    "version": subprocess.run([BAO, "version"], capture_output=True, text=True, check=True).stdout.split()[1].lstrip("v"),
    "issuer": ISSUER,
    "tokens": {"user": identity_token("pg"), "other_audience": identity_token("reports"), "expired": identity_token("short")},
    "identities": {"user": ana["entity_id"], "rotated": ana["entity_id"]},
}, rotate=rotate)

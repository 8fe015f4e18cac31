"""NanoIDP with two clients: JWTs, of which the refresh token is one as well."""

import json
import os
import time
from importlib.metadata import version

from protocol import Browser, free_port, serve, start, wait_for_port

PORT = free_port()
ISSUER = f"http://127.0.0.1:{PORT}"
SETTINGS = {
    "config_version": 1,
    "server": {"host": "127.0.0.1", "port": PORT},
    "oauth": {
        "issuer": ISSUER, "audience": "postgres", "token_expiry_minutes": 60,
        "clients": [{"client_id": name, "client_secret": f"secret-of-{name}", "description": name} for name in ("psql", "other")],
    },
}
USERS = {"config_version": 1, "users": {"ana": {"password": "any", "email": "ana@corp.example", "roles": ["USER"], "tenant": "default"}}}

os.makedirs("config", exist_ok=True)
# JSON is YAML.
for name, document in ("settings", SETTINGS), ("users", USERS):
    with open(f"config/{name}.yaml", "w", encoding="utf-8") as file:
        json.dump(document, file)
start("python/bin/nanoidp", "--config", "config", "--host", "127.0.0.1", "--port", str(PORT))
wait_for_port(PORT)
METADATA = Browser().json(f"{ISSUER}/.well-known/openid-configuration")


def token(client, **form):
    """One answer of the token endpoint."""
    return Browser().json(METADATA["token_endpoint"], basic=(client, f"secret-of-{client}"), form=form)


def of_ana(client):
    """What ana gets by her password."""
    return token(client, grant_type="password", username="ana", password="any", scope="openid offline_access")


user = of_ana("psql")
revoked = of_ana("psql")["access_token"]
Browser().done(METADATA["revocation_endpoint"], basic=("psql", "secret-of-psql"), form={"token": revoked})
serve({
    "version": version("nanoidp"),
    "issuer": ISSUER,
    "tokens": {
        "user": user["access_token"], "id": user["id_token"], "refresh": user["refresh_token"], "revoked": revoked,
        "service": token("psql", grant_type="client_credentials", scope="openid")["access_token"],
        "other_client": of_ana("other")["access_token"],
    },
    "identities": {"user": "ana", "revoked": "ana", "rotated": "ana"},
    "introspection": {"client_id": "psql", "client_secret": "secret-of-psql"},
})

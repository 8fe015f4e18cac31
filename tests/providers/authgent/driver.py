"""authgent-server, for agents: tokens of agents, which act for themselves, by ES256."""

import glob
import json
import os
import subprocess
import sys
from importlib.metadata import version

from protocol import Browser, free_port, serve, start, wait_for_port

PORT = free_port()
ISSUER = f"http://127.0.0.1:{PORT}"
DATABASE, REPORTS = "https://pg.corp.example", "https://reports.corp.example"
for file in glob.glob("authgent.db*") + glob.glob(".env"):
    os.remove(file)
SERVER = "python/bin/authgent-server"
ENVIRONMENT = {**os.environ, "AUTHGENT_SERVER_URL": ISSUER, "AUTHGENT_HOST": "127.0.0.1", "AUTHGENT_PORT": str(PORT)}
subprocess.run([SERVER, "init"], env=ENVIRONMENT, stdout=sys.stderr, check=True)
start(SERVER, "run", "--host", "127.0.0.1", "--port", str(PORT), env=ENVIRONMENT)
wait_for_port(PORT)
METADATA = Browser().json(f"{ISSUER}/.well-known/oauth-authorization-server")


def client(name):
    """A registered agent: its id and secret."""
    body = {"client_name": name, "grant_types": ["client_credentials", "refresh_token"], "scope": "db.connect"}
    made = Browser().json(METADATA["registration_endpoint"], body=json.dumps(body).encode(), headers={"Content-Type": "application/json"})
    return made["client_id"], made["client_secret"]


def token(one, resource=DATABASE):
    """What an agent gets for itself."""
    return Browser().json(METADATA["token_endpoint"], form={
        "grant_type": "client_credentials", "client_id": one[0], "client_secret": one[1], "scope": "db.connect", "resource": resource})


def rotate():
    """By the command of its manual."""
    subprocess.run([SERVER, "rotate-keys"], env=ENVIRONMENT, stdout=sys.stderr, check=True)
    return {"token": token(agent)["access_token"]}


agent, other = client("agent"), client("other")
own, revoked = token(agent), token(agent)["access_token"]
Browser().done(METADATA["revocation_endpoint"], form={"token": revoked, "client_id": agent[0], "client_secret": agent[1]})
identity = f"client:{agent[0]}"
serve({
    "version": version("authgent-server"),
    "issuer": ISSUER,
    "tokens": {
        "user": own["access_token"], "revoked": revoked,
        "other_client": token(other)["access_token"], "other_audience": token(agent, REPORTS)["access_token"],
    },
    "identities": {"user": identity, "other_client": f"client:{other[0]}", "revoked": identity, "rotated": identity},
    "introspection": {"client_id": agent[0], "client_secret": agent[1]},
}, rotate=rotate)

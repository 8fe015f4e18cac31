"""Canaille with its memory database, served by werkzeug: JWT access tokens without scope."""

import threading
import time
from importlib.metadata import version

from canaille import create_app
from joserfc.jwk import RSAKey
from protocol import Browser, free_port, serve
from werkzeug.serving import make_server

PORT = free_port()
ISSUER = f"http://127.0.0.1:{PORT}"
CALLBACK = "http://127.0.0.1:1/callback"


def key(kid):
    """A private key, as the configuration has them."""
    return RSAKey.generate_key(2048, {"kid": kid, "alg": "RS256", "use": "sig"}, private=True).as_dict(private=True)


app = create_app({
    "SECRET_KEY": "for a test", "SERVER_NAME": f"127.0.0.1:{PORT}", "PREFERRED_URL_SCHEME": "http", "TESTING": False,
    "WTF_CSRF_ENABLED": False,
    "CANAILLE": {"DATABASE": "memory", "LOGGING": None},
    "CANAILLE_OIDC": {"ACTIVE_JWKS": [key("first")]},
})
with app.app_context():
    from canaille.app import models
    from canaille.backends import Backend

    def save(one):
        """Into the memory database."""
        Backend.instance.save(one)
        return one

    save(models.User(user_name="ana", formatted_name="Ana", family_name="A", emails=["ana@corp.example"], password="any-password"))
    clients = {}
    for name in ("psql", "other", "db"):
        clients[name] = save(models.Client(
            client_id=name, client_name=name, client_secret=f"secret-of-{name}", redirect_uris=[CALLBACK],
            grant_types=["authorization_code", "refresh_token"], response_types=["code"], scope=["openid", "profile"],
            token_endpoint_auth_method="client_secret_basic", id_token_signed_response_alg="RS256"))
    for client, audience in (("psql", ["psql", "db"]), ("other", ["other"]), ("db", ["db"])):
        clients[client].audience = [clients[one] for one in audience]
        save(clients[client])

server = make_server("127.0.0.1", PORT, app, threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
METADATA = Browser().json(f"{ISSUER}/.well-known/openid-configuration")


def page(url, _):
    """What ana writes into the pages of signing in."""
    return {"login": "ana"} if url.endswith("/login") else {"password": "any-password"} if "/auth/" in url else {"answer": "accept"}


def of_ana(client):
    """What ana gets in her browser."""
    browser = Browser()
    query = f"client_id={client}&response_type=code&redirect_uri={CALLBACK}&scope=openid+profile&nonce=n-0S6&state=s"
    code = browser.code(f"{METADATA['authorization_endpoint']}?{query}", CALLBACK, page)
    return Browser().json(METADATA["token_endpoint"], basic=(client, f"secret-of-{client}"), form={
        "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK})


def rotate():
    """Signs with another key from now on, and publishes the first one still: of active keys, a random one would sign."""
    keys = app.config["CANAILLE_OIDC"]
    keys["INACTIVE_JWKS"], keys["ACTIVE_JWKS"] = keys["ACTIVE_JWKS"], [key("second")]
    return {"token": of_ana("psql")["access_token"]}


user = of_ana("psql")
# Its tokens have no jti: those of one second are one token, and would be revoked together.
time.sleep(1.1)
revoked = of_ana("psql")["access_token"]
Browser().done(METADATA["revocation_endpoint"], basic=("psql", "secret-of-psql"), form={"token": revoked})
serve({
    "version": version("canaille"),
    "issuer": ISSUER,
    "tokens": {
        "user": user["access_token"], "id": user["id_token"], "refresh": user["refresh_token"], "revoked": revoked,
        "other_client": of_ana("other")["access_token"],
    },
    "identities": {"user": "ana", "refresh": "ana", "revoked": "ana", "rotated": "ana"},
    "introspection": {"client_id": "db", "client_secret": "secret-of-db"},
}, rotate=rotate)

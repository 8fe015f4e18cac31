"""A provider of Flask and Authlib's classes, with its generator of RFC 9068 tokens and as few overrides as work."""

import threading
import time
from importlib.metadata import version

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin, grants
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from flask import Flask, jsonify
from joserfc.jwk import KeySet, RSAKey
from protocol import Browser, free_port, serve
from werkzeug.serving import make_server

PORT = free_port()
ISSUER = f"http://127.0.0.1:{PORT}"
KEYS = [RSAKey.generate_key(2048, {"kid": "first"}, private=True)]
app = Flask("authlib")
app.config.update(OAUTH2_REFRESH_TOKEN_GENERATOR=True)
saved = []


class Client(ClientMixin):
    """A confidential client for any scope."""

    def __init__(self, client_id):
        self.client_id = client_id

    def get_client_id(self):
        return self.client_id

    def get_allowed_scope(self, scope):
        return scope

    def check_client_secret(self, client_secret):
        return client_secret == f"secret-of-{self.client_id}"

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_basic"

    def check_grant_type(self, grant_type):
        return True


class User:
    """Somebody with a name."""

    def get_user_id(self):
        return "ana"


class Token(TokenMixin):
    """What was issued."""

    def __init__(self, token, client_id, user):
        self.__dict__.update(token, client_id=client_id, user=user, issued=int(time.time()), revoked=False)

    def check_client(self, client):
        return self.client_id == client.client_id

    def is_revoked(self):
        return self.revoked

    def is_expired(self):
        return time.time() > self.issued + self.expires_in


class Generator(JWTBearerTokenGenerator):
    """Whose audience follows from the scope."""

    def get_jwks(self):
        return KeySet([KEYS[0]]).as_dict(private=True)

    def get_audiences(self, client, user, scope):
        return ["api://reports"] if "reports" in scope else ["api://postgres"]


class Password(grants.ResourceOwnerPasswordCredentialsGrant):
    """For ana, with any password."""

    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]

    def authenticate_user(self, username, password):
        return User()


def find(text):
    """The token with this text, of either kind."""
    return next((one for one in saved if text in (one.access_token, getattr(one, "refresh_token", None))), None)


class Introspection(IntrospectionEndpoint):
    """Answers every client of the provider about every token."""

    CLIENT_AUTH_METHODS = ["client_secret_basic"]

    def check_permission(self, token, client, request):
        return True

    def query_token(self, token_string, token_type_hint):
        return find(token_string)

    def introspect_token(self, token):
        return {"active": True, "client_id": token.client_id, "token_type": token.token_type, "username": token.user and "ana",
                "scope": token.scope, "sub": token.user and "ana", "aud": "api://postgres", "iss": ISSUER,
                "exp": token.issued + token.expires_in, "iat": token.issued}


class Revocation(RevocationEndpoint):
    """Forgets a token."""

    CLIENT_AUTH_METHODS = ["client_secret_basic"]

    def query_token(self, token_string, token_type_hint):
        return find(token_string)

    def revoke_token(self, token, request):
        token.revoked = True


authorization = AuthorizationServer(
    app, query_client=lambda client_id: Client(client_id),
    save_token=lambda token, request: saved.append(Token(token, request.client.client_id, request.user)))
authorization.register_token_generator("default", Generator(ISSUER, refresh_token_generator=lambda **_: f"refresh-{len(saved)}-of-a-token"))
authorization.register_grant(Password)
authorization.register_grant(grants.ClientCredentialsGrant)
authorization.register_endpoint(Introspection)
authorization.register_endpoint(Revocation)
app.add_url_rule("/token", "token", methods=["POST"], view_func=authorization.create_token_response)
app.add_url_rule("/introspect", "introspect", methods=["POST"], view_func=lambda: authorization.create_endpoint_response("introspection"))
app.add_url_rule("/revoke", "revoke", methods=["POST"], view_func=lambda: authorization.create_endpoint_response("revocation"))
app.add_url_rule("/jwks", "jwks", lambda: jsonify(KeySet(KEYS).as_dict(private=False)))
# Authlib checks such a document and serves none; this is what an application writes by its guide.
app.add_url_rule("/.well-known/oauth-authorization-server", "metadata", lambda: jsonify({
    "issuer": ISSUER, "token_endpoint": f"{ISSUER}/token", "jwks_uri": f"{ISSUER}/jwks",
    "introspection_endpoint": f"{ISSUER}/introspect", "response_types_supported": ["code"]}))
threading.Thread(target=make_server("127.0.0.1", PORT, app, threaded=True).serve_forever, daemon=True).start()


def token(client, **form):
    """One answer of the token endpoint."""
    return Browser().json(f"{ISSUER}/token", basic=(client, f"secret-of-{client}"), form=form)


def of_ana(client, scope="openid db.connect"):
    """What ana gets by her password."""
    return token(client, grant_type="password", username="ana", password="any", scope=scope)


def rotate():
    """Signs with another key from now on, and publishes the first one still."""
    KEYS.insert(0, RSAKey.generate_key(2048, {"kid": "second"}, private=True))
    return {"token": of_ana("psql")["access_token"]}


user = of_ana("psql")
revoked = of_ana("psql")["access_token"]
Browser().done(f"{ISSUER}/revoke", basic=("psql", "secret-of-psql"), form={"token": revoked})
serve({
    "version": version("authlib"),
    "issuer": ISSUER,
    "tokens": {
        "user": user["access_token"], "refresh": user["refresh_token"], "revoked": revoked,
        "service": token("psql", grant_type="client_credentials", scope="db.connect")["access_token"],
        "other_client": of_ana("other")["access_token"],
        "other_audience": of_ana("psql", "openid db.connect reports")["access_token"],
    },
    "identities": {"user": "ana", "refresh": "ana", "service": "psql", "rotated": "ana", "revoked": "ana"},
    "introspection": {"client_id": "server", "client_secret": "secret-of-server"},
}, rotate=rotate)

"""The OpenID provider that idpyoidc's classes make, as its settings have it, with a Flask application in front of it.

Access tokens and refresh tokens are JWTs, by the class that the library has for both.
"""

import base64
import json
import logging
import threading
from importlib.metadata import version

from flask import Flask, jsonify, request
from idpyoidc.server import Server
from idpyoidc.server.configure import OPConfiguration
from idpyoidc.server.exception import ClientAuthenticationError
from protocol import Browser, free_port, serve
from werkzeug.serving import make_server

logging.disable(logging.WARNING)
PORT = free_port()
ISSUER = f"http://127.0.0.1:{PORT}"
CALLBACK = "https://client.example/callback"
SCOPES = ["openid", "offline_access", "db.connect"]
JWT = "idpyoidc.server.token.jwt_token.JWTToken"
HELPERS = {
    "authorization_code": "oidc.token_helper.access_token.AccessTokenHelper",
    "refresh_token": "oidc.token_helper.refresh_token.RefreshTokenHelper",
    "client_credentials": "oauth2.token_helper.client_credentials.ClientCredentials",
}


def endpoint(path, name, **kwargs):
    """One of the library's."""
    return {"path": path, "class": f"idpyoidc.server.{name}", "kwargs": kwargs}


server = Server(OPConfiguration({
    "issuer": ISSUER,
    "httpc_params": {"verify": False},
    "keys": {"uri_path": "jwks.json", "key_defs": [{"type": "RSA", "use": ["sig"]}, {"type": "EC", "crv": "P-256", "use": ["sig"]}]},
    "scopes_to_claims": {"openid": ["sub"], "offline_access": [], "db.connect": []},
    "token_handler_args": {
        "code": {"lifetime": 600, "kwargs": {"crypt_conf": {"kwargs": {"iterations": 1, "password": "for a test", "salt": "for a test"}}}},
        "token": {"class": JWT, "kwargs": {"lifetime": 3600}},
        "refresh": {"class": JWT, "kwargs": {"lifetime": 3600}},
        "id_token": {"class": "idpyoidc.server.token.id_token.IDToken", "kwargs": {}},
    },
    "authz": {"class": "idpyoidc.server.authz.AuthzHandling", "kwargs": {"grant_config": {"usage_rules": {
        "authorization_code": {"supports_minting": ["access_token", "refresh_token", "id_token"], "max_usage": 1},
        "access_token": {}, "refresh_token": {"supports_minting": ["access_token", "refresh_token"]}}, "expires_in": 43200}}},
    "endpoint": {
        "authorization": endpoint("authorization", "oidc.authorization.Authorization", response_types_supported=["code"]),
        "token": endpoint("token", "oidc.token.Token", client_authn_method=["client_secret_basic", "client_secret_post"],
                          grant_types_helpers={grant: {"class": f"idpyoidc.server.{name}"} for grant, name in HELPERS.items()}),
        "introspection": endpoint("introspection", "oauth2.introspection.Introspection", enforce_audience_restriction=False,
                                  client_authn_method=["client_secret_basic", "client_secret_post"]),
        "token_revocation": endpoint("revocation", "oauth2.token_revocation.TokenRevocation",
                                     client_authn_method=["client_secret_basic", "client_secret_post"]),
    },
    "userinfo": {"class": "idpyoidc.server.user_info.UserInfo", "kwargs": {"db": {"diana": {"name": "Diana"}}}},
    "authentication": {"anon": {"acr": "urn:oasis:names:tc:SAML:2.0:ac:classes:InternetProtocolPassword",
                                "class": "idpyoidc.server.user_authn.user.NoAuthn", "kwargs": {"user": "diana"}}},
    "session_params": {"encrypter": {"kwargs": {"keys": {"key_defs": [
        {"type": "OCT", "use": ["enc"], "kid": "password"}, {"type": "OCT", "use": ["enc"], "kid": "salt"}]}, "iterations": 1}}},
}, base_path="."), cwd=".")
for client in "psql", "other", "server":
    server.context.cdb[client] = {
        "client_secret": f"secret-of-{client}-which-is-long", "redirect_uris": [(CALLBACK, None)], "allowed_scopes": SCOPES,
        "token_endpoint_auth_method": "client_secret_basic", "client_salt": "salt", "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
    }
    server.context.keyjar.add_symmetric(client, server.context.cdb[client]["client_secret"])
app = Flask("idpyoidc")


def answer(name, arguments):
    """What the library makes of a request, in the words of HTTP."""
    one = server.get_endpoint(name)
    http = {"headers": {key.lower(): value for key, value in request.headers.items()}, "method": request.method, "url": request.url}
    try:
        parsed = one.parse_request(arguments, http_info=http)
    except ClientAuthenticationError:
        return jsonify({"error": "invalid_client"}), 401
    result = parsed if "error" in parsed else one.process_request(parsed, http_info=http)
    if "error" in result:
        return jsonify(result.to_dict() if hasattr(result, "to_dict") else result), 401 if result["error"] == "invalid_client" else 400
    if name == "authorization":
        return "", 302, {"Location": one.do_response(**result)["response"]}
    told = one.do_response(request=parsed, **result)
    return told["response"], 200, dict(told["http_headers"])


@app.get("/authorization")
def authorization():
    """A person who has signed in and agrees."""
    return answer("authorization", request.args.to_dict())


@app.post("/<any(token, introspection, revocation):path>")
def post(path):
    """What clients ask for."""
    return answer({"revocation": "token_revocation"}.get(path, path), request.form.to_dict())


app.add_url_rule("/jwks.json", "jwks", lambda: app.response_class(server.context.keyjar.export_jwks_as_json(""), mimetype="application/json"))
# The library makes such a document for a provider that has the endpoint for it; this is what it has to say.
app.add_url_rule("/.well-known/openid-configuration", "metadata", lambda: jsonify({
    "issuer": ISSUER, "authorization_endpoint": f"{ISSUER}/authorization", "token_endpoint": f"{ISSUER}/token", "jwks_uri": f"{ISSUER}/jwks.json",
    "introspection_endpoint": f"{ISSUER}/introspection", "response_types_supported": ["code"], "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": ["RS256"]}))
threading.Thread(target=make_server("127.0.0.1", PORT, app, threaded=True).serve_forever, daemon=True).start()


def token(client, path="token", **form):
    """One answer of an endpoint."""
    return Browser().done(f"{ISSUER}/{path}", basic=(client, f"secret-of-{client}-which-is-long"), form=form)


def by_code(client):
    """What a person gets."""
    query = f"response_type=code&client_id={client}&redirect_uri={CALLBACK}&scope={'+'.join(SCOPES)}&state=s&nonce=n-0S6&prompt=consent"
    code = Browser().code(f"{ISSUER}/authorization?{query}", CALLBACK)
    return json.loads(token(client, grant_type="authorization_code", code=code, redirect_uri=CALLBACK))


def service():
    """What a client gets for itself."""
    return json.loads(token("psql", grant_type="client_credentials", scope="db.connect"))["access_token"]


user = by_code("psql")
revoked = by_code("psql")["access_token"]
token("psql", "revocation", token=revoked)
# A person has the same sub for every client, which nothing but a token says.
_, claims, _ = user["id_token"].split(".")
sub = json.loads(base64.urlsafe_b64decode(claims + "=="))["sub"]
serve({
    "version": version("idpyoidc"),
    "issuer": ISSUER,
    "tokens": {
        "user": user["access_token"], "id": user["id_token"], "refresh": user["refresh_token"], "service": service(),
        "other_client": by_code("other")["access_token"], "revoked": revoked,
    },
    "identities": {"user": sub, "revoked": sub},
    "introspection": {"client_id": "server", "client_secret": "secret-of-server-which-is-long"},
})

#!/usr/bin/env bash
# A token that idpyoidc gives a client for itself has every scope that the client may have, and names nobody.
#
# Guess: a client that asks for the scope db.connect gets a Bearer token with that scope; in a JWT of the class that has client_id
#   and aud for people, sub or client_id says which client it is.
# What happens: the scope of the request is left unread, and all the client's allowed_scopes are in the token. The token has no
#   sub, no client_id and no aud: two clients' tokens differ in jti and an encrypted sid alone. The answer of the token endpoint
#   says "access_token" for its token_type, where RFC 6749 section 5.1 wants how the token is used, such as Bearer.
# Who cares: whoever lets services into a database by these tokens: nothing tells one client from another, nor from which service the
#   token is for, and rules on the scope hold for all that the client may ever do.
# What to do: a database that demands an audience or a client refuses these tokens, and should. Where the provider is one's own
#   application, put a helper of one's own beside the library's, which names the client and keeps to the scope that was asked for.
. "$(dirname "$(readlink -f "$0")")/common.sh"

python_packages idpyoidc==5.0.0 cryptojwt==1.11.0

cat > grant.py <<'END'
import base64, json
from idpyoidc.server import Server
from idpyoidc.server.configure import OPConfiguration

JWT = {"class": "idpyoidc.server.token.jwt_token.JWTToken", "kwargs": {"lifetime": 3600}}
helper = {"client_credentials": {"class": "idpyoidc.server.oauth2.token_helper.client_credentials.ClientCredentials"}}
server = Server(OPConfiguration({
    "issuer": "https://idp.example", "httpc_params": {},
    "keys": {"uri_path": "jwks.json", "key_defs": [{"type": "RSA", "use": ["sig"]}, {"type": "EC", "crv": "P-256", "use": ["sig"]}]},
    "token_handler_args": {"token": JWT},
    "endpoint": {"token": {"path": "token", "class": "idpyoidc.server.oidc.token.Token",
                           "kwargs": {"client_authn_method": ["client_secret_basic"], "grant_types_helpers": helper}}},
    "userinfo": {"class": "idpyoidc.server.user_info.UserInfo", "kwargs": {"db": {}}},
    "session_params": {"encrypter": {"kwargs": {"keys": {"key_defs": [
        {"type": "OCT", "use": ["enc"], "kid": "password"}, {"type": "OCT", "use": ["enc"], "kid": "salt"}]}, "iterations": 1}}},
}, base_path="."), cwd=".")
for client in "batch", "reports":
    server.context.cdb[client] = {
        "client_secret": f"the-long-secret-of-{client}", "allowed_scopes": ["db.connect", "db.admin"],
        "token_endpoint_auth_method": "client_secret_basic", "grant_types_supported": ["client_credentials"]}
    basic = base64.b64encode(f"{client}:the-long-secret-of-{client}".encode()).decode()
    endpoint = server.get_endpoint("token")
    http = {"headers": {"authorization": f"Basic {basic}"}, "method": "POST", "url": "https://idp.example/token"}
    request = endpoint.parse_request({"grant_type": "client_credentials", "scope": "db.connect"}, http_info=http)
    answer = json.loads(endpoint.do_response(request=request, **endpoint.process_request(request))["response"])
    payload = answer.pop("access_token").split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    print(f"{client} asked for db.connect; the answer:", json.dumps({name: answer[name] for name in sorted(answer) if name != "expires_in"}))
    print("  claims:", ", ".join(sorted(claims)) + "; scope", json.dumps(claims["scope"]))
END
expect python/bin/python grant.py <<'END'
batch asked for db.connect; the answer: {"scope": "db.connect db.admin", "token_type": "access_token"}
  claims: exp, iat, iss, jti, scope, sid, token_class; scope "db.connect db.admin"
reports asked for db.connect; the answer: {"scope": "db.connect db.admin", "token_type": "access_token"}
  claims: exp, iat, iss, jti, scope, sid, token_class; scope "db.connect db.admin"
END

#!/usr/bin/env bash
# Three libraries look for the RFC 8414 document of an issuer with a path at three different places.
#
# Guess: RFC 8414, section 3.1, is one of the short ones: the well-known part goes between host and path, and a slash at the
#   end of the issuer is taken off before that.
# What happens: for https://idp.example/t/ oauth4webapi asks for .../.well-known/oauth-authorization-server/t, Authlib keeps
#   the slash at the end, and requests_oauth2client puts the path in the middle, /.well-known/t/oauth-authorization-server,
#   with or without the slash. All three agree on the OpenID document.
# Who cares: at a provider that has the RFC 8414 document alone, or has its introspection endpoint only there, a service finds
#   nothing while the validator does; the provider's log shows a 404 of a path that nobody published.
# What to do: give services the endpoints themselves, or have the provider answer at all these paths; compare the path in the
#   404 with the one above before the issuer's spelling is changed.
. "$(dirname "$(readlink -f "$0")")/common.sh"

npm_packages oauth4webapi@3.8.8
python_packages authlib==1.9.10 requests_oauth2client==1.8.0 requests==2.33.0

cat > ask.mjs <<'END'
import { customFetch, discoveryRequest } from 'oauth4webapi'
for (const issuer of ['https://idp.example', 'https://idp.example/t', 'https://idp.example/t/'])
  for (const algorithm of ['oauth2', 'oidc'])
    await discoveryRequest(new URL(issuer), { algorithm, [customFetch]: async (url) => {
      console.log(`oauth4webapi           ${algorithm.padEnd(6)} ${issuer.padEnd(22)} ${new URL(url).pathname}`)
      return new Response('{}')
    } })
END
cat > ask.py <<'END'
from urllib.parse import urlsplit
from authlib.oauth2.rfc8414 import get_well_known_url as authlib_oauth2
from authlib.oidc.discovery import get_well_known_url as authlib_oidc
from requests_oauth2client import oauth2_discovery_document_url, oidc_discovery_document_url
builders = [("Authlib", "oauth2", lambda issuer: authlib_oauth2(issuer, external=True)),
            ("Authlib", "oidc", lambda issuer: authlib_oidc(issuer, external=True)),
            ("requests_oauth2client", "oauth2", oauth2_discovery_document_url),
            ("requests_oauth2client", "oidc", oidc_discovery_document_url)]
for library, kind, build in builders:
    for issuer in ("https://idp.example", "https://idp.example/t", "https://idp.example/t/"):
        print(f"{library:22} {kind:6} {issuer:22} {urlsplit(build(issuer)).path}")
END
trial() { node ask.mjs && python/bin/python ask.py; }
expect trial <<'END'
oauth4webapi           oauth2 https://idp.example    /.well-known/oauth-authorization-server
oauth4webapi           oidc   https://idp.example    /.well-known/openid-configuration
oauth4webapi           oauth2 https://idp.example/t  /.well-known/oauth-authorization-server/t
oauth4webapi           oidc   https://idp.example/t  /t/.well-known/openid-configuration
oauth4webapi           oauth2 https://idp.example/t/ /.well-known/oauth-authorization-server/t
oauth4webapi           oidc   https://idp.example/t/ /t/.well-known/openid-configuration
Authlib                oauth2 https://idp.example    /.well-known/oauth-authorization-server
Authlib                oauth2 https://idp.example/t  /.well-known/oauth-authorization-server/t
Authlib                oauth2 https://idp.example/t/ /.well-known/oauth-authorization-server/t/
Authlib                oidc   https://idp.example    /.well-known/openid-configuration
Authlib                oidc   https://idp.example/t  /t/.well-known/openid-configuration
Authlib                oidc   https://idp.example/t/ /t/.well-known/openid-configuration
requests_oauth2client  oauth2 https://idp.example    /.well-known/oauth-authorization-server
requests_oauth2client  oauth2 https://idp.example/t  /.well-known/t/oauth-authorization-server
requests_oauth2client  oauth2 https://idp.example/t/ /.well-known/t/oauth-authorization-server
requests_oauth2client  oidc   https://idp.example    /.well-known/openid-configuration
requests_oauth2client  oidc   https://idp.example/t  /t/.well-known/openid-configuration
requests_oauth2client  oidc   https://idp.example/t/ /t/.well-known/openid-configuration
END

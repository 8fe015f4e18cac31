"""LemonLDAP::NG of Debian: its portal with demonstration accounts, files for everything, and JWTs for access tokens.

A key is replaced by another version of the configuration and a restart. With the argument `asked` there is no short-lived token,
which is over by itself before the portal says so.
"""

import json
import os
import shutil
import subprocess
import sys
from urllib.parse import urlencode

from protocol import Browser, free_port, serve, start, wait_for_port

PORT = free_port()
ISSUER = f"http://127.0.0.1:{PORT}"
CALLBACK = "https://client.example/callback"
HERE = os.getcwd()
ROOT = f"{HERE}/debian/usr"
PERL = {
    # Members of its documents in the same order at each start.
    "PERL_HASH_SEED": "0",
    "PATH": os.environ["PATH"], "HOME": HERE, "LLNG_DEFAULTCONFFILE": f"{HERE}/settings/lemonldap-ng.ini",
    "LD_LIBRARY_PATH": f"{ROOT}/lib/x86_64-linux-gnu",
    "PERL5LIB": ":".join([f"{ROOT}/share/perl5", f"{ROOT}/lib/x86_64-linux-gnu/perl5/5.36", f"{ROOT}/share/perl/5.36",
                          f"{ROOT}/lib/x86_64-linux-gnu/perl/5.36"]),
}
# A client has an audience of its own, and the further ones of its settings; the last one's tokens are good for two seconds.
CLIENTS = {"psql": ("api://postgres", 3600), "other": ("api://postgres", 3600), "reports": ("api://reports", 3600), "short": ("api://postgres", 2)}


def openssl(*arguments, given=None):
    """What the program prints."""
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, text=True, check=True).stdout


def configure(number, kid):
    """One more version of its configuration, made of the one that the package brings, with another key."""
    with open(f"{HERE}/debian/var/lib/lemonldap-ng/conf/lmConf-1.json", encoding="utf-8") as file:
        conf = json.load(file)
    private = openssl("genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
    files = {"Directory": f"{HERE}/settings/sessions", "LockDirectory": f"{HERE}/settings/locks", "generateModule": "Lemonldap::NG::Common::Apache::Session::Generate::SHA256"}
    conf |= {
        "cfgNum": number, "portal": f"{ISSUER}/", "domain": "127.0.0.1", "securedCookie": 0, "requireToken": 0, "key": "for a test",
        "authentication": "Demo", "userDB": "Same", "passwordDB": "Demo", "portalDisplayRegister": 0, "portalDisplayResetPassword": 0, "captcha_register_enabled": 0, "captcha_mail_enabled": 0, "globalStorageOptions": files,
        "persistentStorageOptions": files, "issuerDBOpenIDConnectActivation": 1, "oidcServiceMetaDataIssuer": ISSUER,
        "oidcServicePrivateKeySig": private, "oidcServicePublicKeySig": openssl("pkey", "-pubout", given=private), "oidcServiceKeyIdSig": kid,
        "oidcRPMetaDataExportedVars": {client: {"name": "cn"} for client in CLIENTS},
        "oidcRPMetaDataOptions": {client: {
            "oidcRPMetaDataOptionsClientID": client, "oidcRPMetaDataOptionsClientSecret": f"secret-of-{client}",
            "oidcRPMetaDataOptionsAdditionalAudiences": audience, "oidcRPMetaDataOptionsAccessTokenExpiration": seconds,
            "oidcRPMetaDataOptionsAccessTokenJWT": 1, "oidcRPMetaDataOptionsAccessTokenSignAlg": "RS256", "oidcRPMetaDataOptionsIDTokenSignAlg": "RS256",
            "oidcRPMetaDataOptionsRedirectUris": CALLBACK, "oidcRPMetaDataOptionsBypassConsent": 1,
            "oidcRPMetaDataOptionsAllowOffline": 1, "oidcRPMetaDataOptionsAllowClientCredentialsGrant": 1,
        } for client, (audience, seconds) in CLIENTS.items()},
        "oidcRPMetaDataScopeRules": {client: {"db.connect": "1"} for client in CLIENTS},
    }
    with open(f"{HERE}/settings/conf/lmConf-{number}.json", "w", encoding="utf-8") as file:
        json.dump(conf, file)


def run():
    """The portal as it is configured now."""
    server = start("/usr/bin/perl", f"{ROOT}/bin/plackup", "-s", "HTTP::Server::PSGI", "--host", "127.0.0.1", "--port", str(PORT),
                   f"{ROOT}/share/doc/liblemonldap-ng-portal-perl/examples/index.psgi", env=PERL)
    wait_for_port(PORT)
    return server


shutil.rmtree("settings", ignore_errors=True)
for folder in "conf", "sessions", "locks", "cache":
    os.makedirs(f"settings/{folder}")
with open("settings/lemonldap-ng.ini", "w", encoding="utf-8") as ini:
    ini.write(f"""[all]
logLevel = warn
[configuration]
type = File
dirName = {HERE}/settings/conf
localStorage = Cache::FileCache
localStorageOptions = {{ 'namespace' => 'conf', 'cache_root' => '{HERE}/settings/cache', 'cache_depth' => 0 }}
[portal]
staticPrefix = /static
templateDir = {ROOT}/share/lemonldap-ng/portal/templates
languages = en
""")
configure(1, "first")
portal = run()
METADATA = Browser().json(f"{ISSUER}/.well-known/openid-configuration")
user = Browser()
user.request(ISSUER, form={"user": "dwho", "password": "dwho"})


def token(client, **form):
    """One answer of the token endpoint."""
    return Browser().json(METADATA["token_endpoint"], basic=(client, f"secret-of-{client}"), form=form)


def by_code(client):
    """What a person gets who has signed in."""
    query = urlencode({"response_type": "code", "client_id": client, "redirect_uri": CALLBACK,
                       "scope": "openid offline_access db.connect", "nonce": "n-0S6", "state": "s"})
    code = user.code(f"{METADATA['authorization_endpoint']}?{query}", CALLBACK)
    return token(client, grant_type="authorization_code", code=code, redirect_uri=CALLBACK)


def service():
    """What a client gets for itself."""
    return token("psql", grant_type="client_credentials", scope="db.connect")["access_token"]


def rotate():
    """Another key, and another start; the old key is gone."""
    global portal
    portal.terminate()
    portal.wait()
    configure(2, "second")
    portal = run()
    return {"token": service()}


dwho = by_code("psql")
serve({
    "version": subprocess.run(
        ["/usr/bin/perl", "-MLemonldap::NG::Common", "-e", "print $Lemonldap::NG::Common::VERSION"],
        env=PERL, capture_output=True, text=True, check=True).stdout,
    "issuer": ISSUER,
    "tokens": {
        "user": dwho["access_token"], "id": dwho["id_token"], "refresh": dwho["refresh_token"], "service": service(),
        "other_client": by_code("other")["access_token"], "other_audience": by_code("reports")["access_token"],
        **({} if "asked" in sys.argv else {"expired": by_code("short")["access_token"]}),
    },
    "identities": {"user": "dwho", "service": "psql", "rotated": "psql"},
    "introspection": {"client_id": "psql", "client_secret": "secret-of-psql"},
}, rotate=rotate)

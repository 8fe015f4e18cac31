"""django-oauth-toolkit in a Django project of this file, with OpenID Connect: opaque access tokens."""

import os
import secrets
from importlib.metadata import version

import django
from django.conf import settings
from django.core.management import call_command
from django.urls import include, path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from protocol import Browser, free_port, serve

PORT = free_port()
ISSUER = f"http://127.0.0.1:{PORT}/o"
CALLBACK = "http://127.0.0.1:1/callback"
KEY = rsa.generate_private_key(65537, 2048).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()

if os.path.exists("database"):
    os.remove("database")
settings.configure(
    SECRET_KEY="for a test", ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "database", "OPTIONS": {"timeout": 20}}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "oauth2_provider"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware"],
    OAUTH2_PROVIDER={
        "OIDC_ENABLED": True, "OIDC_RSA_PRIVATE_KEY": KEY, "PKCE_REQUIRED": False,
        "SCOPES": {"openid": "openid", "db.connect": "database", "introspection": "ask about tokens"},
    })
django.setup()
urlpatterns = [path("o/", include("oauth2_provider.urls", namespace="oauth2_provider"))]
call_command("migrate", verbosity=0)

from django.contrib.auth import get_user_model  # noqa: E402
from django_project import listen, signed_in  # noqa: E402
from django.utils import timezone  # noqa: E402
from oauth2_provider.models import get_access_token_model, get_application_model  # noqa: E402

ANA = get_user_model().objects.create_user("ana", password="any")


def application(name, grant):
    """A client with a secret that the driver knows."""
    secret = secrets.token_urlsafe(20)
    get_application_model().objects.create(
        client_id=name, client_secret=secret, name=name, client_type="confidential", authorization_grant_type=grant,
        redirect_uris=CALLBACK, skip_authorization=True, algorithm="RS256")
    return name, secret


listen(PORT)


def by_code(client):
    """What a user's client gets."""
    query = f"client_id={client[0]}&response_type=code&redirect_uri={CALLBACK}&scope=openid+db.connect&nonce=n-0S6&state=s"
    browser = Browser()
    _, _, place = browser.request(f"{ISSUER}/authorize/?{query}", headers=signed_in(ANA, "django.contrib.auth.backends.ModelBackend"))
    code = browser.code(place, CALLBACK)
    return browser.json(f"{ISSUER}/token/", basic=client, form={
        "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK})


psql, other = application("psql", "authorization-code"), application("other", "authorization-code")
machine, asking = application("machine", "client-credentials"), application("server", "client-credentials")
tokens = by_code(psql)
revoked, expired = by_code(psql)["access_token"], by_code(psql)["access_token"]
Browser().done(f"{ISSUER}/revoke_token/", basic=psql, form={"token": revoked})
get_access_token_model().objects.filter(token=expired).update(expires=timezone.now())
service = Browser().json(f"{ISSUER}/token/", basic=machine, form={"grant_type": "client_credentials", "scope": "db.connect"})
serve({
    "version": version("django-oauth-toolkit"),
    "issuer": ISSUER,
    "tokens": {
        "user": tokens["access_token"], "service": service["access_token"], "id": tokens["id_token"],
        "refresh": tokens["refresh_token"], "other_client": by_code(other)["access_token"], "expired": expired, "revoked": revoked,
    },
    "identities": {"user": "ana"},
    "introspection": {"client_id": asking[0], "client_secret": asking[1]},
})

"""django-allauth's OpenID provider in a Django project of this file: JWT access tokens."""

import os
from importlib.metadata import version

import django
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.core.management import call_command
from django.urls import include, path
from protocol import Browser, free_port, serve

PORT = free_port()
ISSUER = f"http://127.0.0.1:{PORT}"
CALLBACK = "http://127.0.0.1:1/callback"
DATABASE = "https://pg.corp.example"
KEY = rsa.generate_private_key(65537, 2048).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()

if os.path.exists("database"):
    os.remove("database")
settings.configure(
    SECRET_KEY="for a test", ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "database", "OPTIONS": {"timeout": 20}}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages",
                    "allauth", "allauth.account", "allauth.idp.oidc"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware", "allauth.account.middleware.AccountMiddleware"],
    AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {
        "context_processors": ["django.template.context_processors.request"]}}],
    IDP_OIDC_PRIVATE_KEY=KEY, IDP_OIDC_ACCESS_TOKEN_FORMAT="jwt", IDP_OIDC_INTROSPECTION_ENABLED=True,
    IDP_OIDC_INTROSPECTION_CROSS_CLIENT_ALLOWED=True)
django.setup()
urlpatterns = [path("accounts/", include("allauth.urls")), path("", include("allauth.idp.urls"))]
call_command("migrate", verbosity=0)

from allauth.idp.oidc.models import Client  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django_project import listen, signed_in  # noqa: E402

ANA, EVE = (get_user_model().objects.create_user(name, password="any", email=f"{name}@corp.example") for name in ("ana", "eve"))


def client(name):
    """A client with a secret that the driver knows."""
    one = Client(id=name, name=name, skip_consent=True, redirect_uris=CALLBACK, scopes="openid\nprofile\ndb.connect",
                 grant_types="authorization_code\nclient_credentials\nrefresh_token", data={"allowed_resources": [DATABASE]})
    one.set_secret(f"secret-of-{name}")
    one.save()
    return name, f"secret-of-{name}"


listen(PORT)
METADATA = Browser().json(f"{ISSUER}/.well-known/openid-configuration")


def by_code(one, who=ANA):
    """What a user's client gets."""
    query = f"client_id={one[0]}&response_type=code&redirect_uri={CALLBACK}&scope=openid+profile+db.connect&nonce=n-0S6&state=s"
    browser = Browser()
    status, text, place = browser.request(f"{METADATA['authorization_endpoint']}?{query}", headers=signed_in(who, "allauth.account.auth_backends.AuthenticationBackend"))
    if not place:
        raise SystemExit(f"no code: {status} {text}")
    return browser.json(METADATA["token_endpoint"], basic=one, form={
        "grant_type": "authorization_code", "code": browser.code(place, CALLBACK), "redirect_uri": CALLBACK})


psql, other, asking = client("psql"), client("other"), client("server")
user, revoked = by_code(psql), by_code(psql)["access_token"]
Browser().done(METADATA["revocation_endpoint"], basic=psql, form={"token": revoked})
service = Browser().json(METADATA["token_endpoint"], basic=psql, form={"grant_type": "client_credentials", "scope": "db.connect"})
serve({
    "version": version("django-allauth"),
    "issuer": METADATA["issuer"],
    "tokens": {
        "user": user["access_token"], "service": service["access_token"], "id": user["id_token"], "refresh": user["refresh_token"],
        "other_client": by_code(other)["access_token"], "revoked": revoked,
    },
    "stranger": by_code(psql, EVE)["access_token"],
    "identities": {"user": str(ANA.pk), "revoked": str(ANA.pk)},
    "introspection": {"client_id": asking[0], "client_secret": asking[1]},
})

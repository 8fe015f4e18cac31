"""What providers in a Django project have in common: the project is served, and a user signs in to it.

For drivers that have configured Django before: what is imported here needs its settings.
"""

import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.wsgi import get_wsgi_application


class Quiet(WSGIRequestHandler):
    """Says nothing of good requests."""

    def log_message(self, *_):
        pass


def listen(port):
    """Serves the project on the loopback interface for as long as the driver runs."""
    server = make_server("127.0.0.1", port, get_wsgi_application(), handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def signed_in(user, backend):
    """The headers of a browser in which the user has signed in; how that is done is Django's matter, not the provider's."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = backend
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session.session_key}"}

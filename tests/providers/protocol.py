"""What drivers in Python share: the lines on standard input and output, a browser with cookies, processes that end with us.

A driver prints one line of JSON when its provider is up and its tokens are there, then answers each line of standard input
with one line of JSON, and ends when standard input ends. Everything else it says goes to standard error.
"""

import base64
import ctypes
import http.cookiejar
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

# Libraries print what they like; the protocol keeps the real standard output for itself.
_answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)


def free_port():
    """A port of the loopback interface that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, seconds=60):
    """Returns when somebody listens there."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"nobody listens on port {port} after {seconds} s")


def start(*command, **options):
    """Starts a program that ends with this driver, however the driver ends."""
    def die_with_parent():
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, preexec_fn=die_with_parent, **options)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Redirects are the driver's to follow: the last one has the code."""

    def redirect_request(self, *_):
        return None


class Browser:
    """Keeps cookies, follows nothing by itself, and takes every status for an answer."""

    def __init__(self):
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.cookies), NoRedirect)

    def request(self, url, form=None, basic=None, headers=None, body=None, method=None):
        """Status, text and the place of a redirect."""
        data = urllib.parse.urlencode(form).encode() if form is not None else body
        request = urllib.request.Request(url, data, headers or {}, method=method)
        if basic:
            pair = base64.b64encode(":".join(basic).encode()).decode()
            request.add_header("Authorization", f"Basic {pair}")
        try:
            response = self.opener.open(request, timeout=30)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            text = response.read().decode()
            place = response.headers.get("Location")
            return response.status, text, place and urllib.parse.urljoin(url, place)

    def done(self, url, **options):
        """The text of the answer, which must be a good one."""
        status, text, _ = self.request(url, **options)
        if not 200 <= status < 300:
            raise SystemExit(f"{url}: {status} {text[:400]}")
        return text

    def json(self, url, **options):
        """The answer as JSON, which must be a good one."""
        return json.loads(self.done(url, **options))

    def code(self, url, callback, answer=None):
        """Follows redirects to the callback, and gives the code that it brings; `answer` may fill in the pages between."""
        for _ in range(16):
            if url.startswith(callback):
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
                if "code" not in query:
                    raise SystemExit(f"the provider gives no code: {query}")
                return query["code"][0]
            status, text, place = self.request(url)
            if place is None and answer:
                _, text, place = self.request(url, form=answer(url, text))
            if place is None:
                raise SystemExit(f"{url}: {status}, which leads nowhere: {text[:400]}")
            url = place
        raise SystemExit("too many redirects")


def serve(ready, **commands):
    """Says that all is there, then answers what the test asks until it asks no more."""
    print(json.dumps(ready), file=_answers)
    for line in sys.stdin:
        print(json.dumps(commands[line.strip()]()), file=_answers)
    os._exit(0)

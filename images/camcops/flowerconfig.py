"""
Flower's settings: a login for everything but its static files and /healthcheck, which says "OK" and no more.

The file that FLOWER_LOGIN_FILE names (by default /run/secrets/flower-login) holds one line, "user:password", in UTF-8.
"""

import base64
import hmac
import os
from pathlib import Path

from flower.views import BaseHandler
from flower.views.monitor import Metrics
from tornado.web import HTTPError, authenticated

address = "0.0.0.0"
port = 5555

login = Path(os.environ.get("FLOWER_LOGIN_FILE", "/run/secrets/flower-login")).read_bytes().rstrip(b"\n")
if not all(login.partition(b":")):
    raise ValueError('The file with Flower\'s login must hold "user:password".')
# Opens the API that Flower's buttons use, and closes it to pages of other origins.
basic_auth = [login.decode()]


def get_current_user(handler):
    """In place of Flower 2.0's own, which answers 500 for a password beyond ASCII."""
    scheme, _, credentials = handler.request.headers.get("Authorization", "").partition(" ")
    try:
        given = base64.b64decode(credentials, validate=True)
    except ValueError:
        given = b""
    if scheme.lower() != "basic" or not hmac.compare_digest(given, login):
        raise HTTPError(401)
    return True


BaseHandler.get_current_user = get_current_user
# Flower 2.0 shows its metrics, which name the workers and tasks, to everybody.
Metrics.get = authenticated(Metrics.get)

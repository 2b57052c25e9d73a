"""
Says whether Crossbar, or an agent as Crossbar sees it, does its work: exit code 0 if so, else 1 and the reason.

Usage: health.py URL            Crossbar itself, by the address of its HTTP bridge
       health.py URL ADDRESS    the agent of this WAMP address, such as observatory.LSA99ZZ

An agent is healthy when it answers through Crossbar and none of its processes has failed or calls itself degraded. A
failed task is the affair of whoever started it.

Source: `OpCode` in ocs/base.py and `_management_handler` in ocs/ocs_agent.py of OCS 0.12.1.
"""

import http.client
import json
import sys
from urllib.parse import urlsplit

TIMEOUT_S = 4
BAD_OP_CODES = {6: "failed", 8: "degraded"}


class Unhealthy(Exception):
    """Why it is not healthy."""


def call(url, procedure, *args):
    """Calls a procedure by Crossbar's HTTP bridge and returns its result."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)
    connection.request(
        "POST",
        parts.path,
        json.dumps({"procedure": procedure, "args": args}),
        {"Content-Type": "application/json"},
    )
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise Unhealthy(f"{url} answers {response.status} {response.reason}")
    answer = json.loads(body)
    if "error" in answer:
        raise Unhealthy(f"{procedure} cannot be called by {url}: {answer['error']}")
    return answer["args"][0]


def check_agent(url, address):
    bad = []
    for name, session, _ in call(url, address, "get_processes"):
        state = BAD_OP_CODES.get(session.get("op_code"))
        if state is not None:
            messages = [message for _, message in session.get("messages", [])]
            bad.append(f"the process {name} {state}: {' | '.join(messages[-2:])}")
    if bad:
        raise Unhealthy("; ".join(bad))


if len(sys.argv) not in (2, 3):
    sys.exit(__doc__.strip())

try:
    if len(sys.argv) == 3:
        check_agent(*sys.argv[1:])
    else:
        call(sys.argv[1], "wamp.session.count")
except Unhealthy as reason:
    sys.exit(f"{reason}.")
except (OSError, ValueError, http.client.HTTPException) as error:
    sys.exit(f"{sys.argv[1]} cannot be asked: {error}.")
print("healthy")

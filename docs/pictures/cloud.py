"""A cloud on this machine for the picture of the usage: AWS, and bills that were made up."""

import contextlib
import datetime
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

PATIENCE = 60
# What half a year cost, by service, in dollars; and what the same days of last month did.
SERVICES = ["Amazon Elastic Container Service", "Amazon Relational Database Service", "Amazon Simple Storage Service"]
MONTHS = [(88, 120, 4), (97, 141, 6), (121, 168, 8), (118, 169, 9), (139, 183, 11), (145, 197, 12)]
SAME_DAYS = 321


def post(url, body=b""):
    request = urllib.request.Request(url, data=body, method="POST")
    return urllib.request.urlopen(request, timeout=5).read()


@contextlib.contextmanager
def server(name, arguments, reset, **variables):
    """A server of the test environment; answers its address when it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    program = os.path.join(os.path.dirname(sys.executable), name)
    environment = {**os.environ, **variables, **({"GATEWAY_PORT": port} if not arguments else {})}
    running = subprocess.Popen(
        [program, *[port if word == "PORT" else word for word in arguments]],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        begun, url = time.monotonic(), f"http://127.0.0.1:{port}"
        while True:
            try:
                post(url + reset)
                break
            except (urllib.error.URLError, OSError):
                if running.poll() is not None or time.monotonic() - begun > PATIENCE:
                    sys.exit(f"{name} does not answer")
                time.sleep(0.05)
        yield url
    finally:
        running.terminate()
        running.wait()


def bills():
    """The answers to the two questions that the usage asks: half a year by service, and the same days of last month."""
    today = datetime.date.today()
    numbers = [today.year * 12 + today.month - 1 - back for back in range(len(MONTHS) - 1, -1, -1)]
    names = [f"{number // 12}-{number % 12 + 1:02}" for number in numbers]
    cost = lambda dollars: {"UnblendedCost": {"Amount": str(dollars), "Unit": "USD"}}
    month = lambda name, **told: {
        "TimePeriod": {"Start": f"{name}-01", "End": f"{name}-28"}, "Estimated": True, "Groups": [], "Total": {}, **told,
    }
    groups = lambda costs: [{"Keys": [name], "Metrics": cost(dollars)} for name, dollars in zip(SERVICES, costs)]
    half_a_year = [month(name, Groups=groups(costs)) for name, costs in zip(names, MONTHS)]
    answers = [half_a_year, [month(names[-2], Total=cost(SAME_DAYS))]]
    return json.dumps({"results": [{"ResultsByTime": answer} for answer in answers]}).encode()


@contextlib.contextmanager
def cloud():
    """The variables of a command that uses it."""
    with server("ministack", [], "/_ministack/reset", BIND_HOST="127.0.0.1") as aws, \
         server("moto_server", ["-H", "127.0.0.1", "-p", "PORT"], "/moto-api/reset") as ledger:
        post(ledger + "/moto-api/static/ce/cost-and-usage-results", bills())
        yield {
            "AWS_ENDPOINT_URL": aws, "AWS_ENDPOINT_URL_COST_EXPLORER": ledger, "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        }

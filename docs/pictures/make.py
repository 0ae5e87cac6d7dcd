"""Makes the pictures of docs/pictures from real runs, in a temporary home: make.py PROGRAMS OUT

Each picture is the screen of a terminal at one moment, as SVG.
"""

import fcntl
import html
import os
import pty
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time

import pyte

from cloud import cloud

COLUMNS, ROWS = 92, 40
COLOURS = {
    "default": "#d8dee9", "black": "#4c566a", "red": "#e06c75", "green": "#98c379", "brown": "#e5c07b",
    "yellow": "#e5c07b", "blue": "#61afef", "magenta": "#c678dd", "cyan": "#56b6c2", "white": "#ffffff",
}
HEIGHT, WIDTH, MARGIN = 18, 8.43, 14
PASSWORD = "correct horse battery staple"
PATIENCE = 120


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, command, cwd, environment):
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.ByteStream(self.screen)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(command[0], command, environment)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))

    def text(self):
        return "\n".join(self.screen.display)

    def until(self, there):
        """Reads on until something is to be seen, or until the end."""
        begun = time.monotonic()
        while not there(self.text()):
            if time.monotonic() - begun > PATIENCE:
                sys.exit(f"waited in vain; to be seen was:\n{self.text()}")
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    self.stream.feed(os.read(self.fd, 65536))
                except OSError:
                    return

    def end(self):
        self.until(lambda _: False)
        _, status = os.waitpid(self.pid, 0)
        if status != 0:
            sys.exit(f"the command ended with {status}:\n{self.text()}")

    def type(self, text):
        os.write(self.fd, text.encode())


def svg(screen, title):
    lines = [screen.buffer[row] for row in range(ROWS)]
    used = max((row + 1 for row in range(ROWS) if screen.display[row].strip()), default=1)
    height, width = (used + 1) * HEIGHT + 2 * MARGIN, COLUMNS * WIDTH + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" font-size="14" '
        'font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace">',
        f'<rect width="100%" height="100%" rx="8" fill="#22272e"/>',
        f'<text x="{MARGIN}" y="{MARGIN + HEIGHT - 4}" fill="#7f848e" xml:space="preserve">$ {html.escape(title)}</text>',
    ]
    for row in range(used):
        y, column = MARGIN + (row + 2) * HEIGHT - 4, 0
        while column < COLUMNS:
            look = (lines[row][column].fg, lines[row][column].bold)
            end = column
            while end < COLUMNS and (lines[row][end].fg, lines[row][end].bold) == look:
                end += 1
            text = "".join(lines[row][at].data for at in range(column, end)).rstrip() if end == COLUMNS else \
                "".join(lines[row][at].data for at in range(column, end))
            if text.strip():
                colour = COLOURS.get(look[0], f"#{look[0]}" if len(look[0]) == 6 else COLOURS["default"])
                weight = ' font-weight="bold"' if look[1] else ""
                x = MARGIN + column * WIDTH
                length = f' textLength="{len(text) * WIDTH:.1f}"'
                parts.append(f'<text x="{x:.1f}" y="{y}" fill="{colour}"{weight}{length} xml:space="preserve">{html.escape(text)}</text>')
            column = end
    return "\n".join([*parts, "</svg>\n"])


class Home:
    """A home of its own with a platform and a team that has signed in."""

    def __init__(self, programs, out, site, address=None, **variables):
        self.out, self.directory = out, tempfile.mkdtemp(prefix="dplr-")
        self.site = os.path.join(self.directory, os.path.basename(site))
        shutil.copytree(os.path.join(os.path.dirname(__file__), site), self.site)
        self.environment = {
            "HOME": self.directory, "PATH": f"{os.path.abspath(programs)}:/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "xterm-256color",
            "DEPLOYER_KEYRING": "memory", "DEPLOYER_STATE_DIR": os.path.join(self.directory, "state"),
            "DEPLOYER_ACTOR": "alice@example.com", **variables,
        }
        self.address = address or f"local:{self.directory}/deployer.db"

    def __enter__(self):
        self.run("admin", "bootstrap", "--backend", self.address, "--password-stdin", stdin=PASSWORD)
        self.run("admin", "login", "--backend", self.address, "--password-stdin", stdin=PASSWORD)
        secret = self.run("tenant", "init", "web-team", "--monthly-cost-limit", "500", "--no-input", "-q")
        # The pictures show the run, not the wait for a colleague.
        self.run("tenant", "edit", "web-team", "--require-approval", "no")
        self.run("login", "--tenant", "web-team", "--backend", self.address, "--secret-stdin", stdin=secret)
        return self

    def __exit__(self, *_):
        subprocess.run(["deployer", "daemon", "stop", "--force"], cwd=self.directory, env=self.environment, capture_output=True)
        shutil.rmtree(self.directory)

    def run(self, *words, stdin=""):
        done = subprocess.run(
            ["deployer", *words], cwd=self.site, env=self.environment, input=stdin, text=True, stdout=subprocess.PIPE, check=True
        )
        return done.stdout.strip()

    def picture(self, name, words, moment=None):
        terminal = Terminal(["deployer", *words], self.site, self.environment)
        if moment:
            terminal.until(moment)
            drawn = svg(terminal.screen, " ".join(["deployer", *words]))
            terminal.end()
        else:
            terminal.end()
            drawn = svg(terminal.screen, " ".join(["deployer", *words]))
        with open(os.path.join(self.out, f"{name}.svg"), "w") as file:
            file.write(drawn)


def main(programs, out):
    with Home(programs, out, "../demo/site") as home:
        home.picture("plan", ["plan"])
        # In the middle of the run: something is done, something at work, something not started; and all is drawn.
        home.picture("apply", ["apply", "--yes"], lambda text: "└── site.publish... [not started]" in text and "✓" in text)
        home.picture("status", ["status"])
    with cloud() as variables, Home(programs, out, "shop", "s3://company-deployer-state", **variables) as home:
        # The bills answer once: who asks before the picture leaves nothing for it.
        home.run("apply", "--yes")
        home.picture("usage", ["tenant", "usage"])


main(*sys.argv[1:])

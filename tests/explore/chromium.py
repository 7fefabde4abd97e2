"""A headless Chromium that is spoken to over a pipe: no package is needed for it."""

import contextlib
import fcntl
import itertools
import json
import os
import shutil
import signal

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATH = next((path for path in map(shutil.which, NAMES) if path), None)


class Page:
    """A page that is open: what it evaluates, and what a user does with it."""

    def __init__(self, commands, answers):
        self.commands, self.answers = commands, answers
        self.numbers = itertools.count(1)
        self.session = None
        self.problems = []

    def ask(self, method, **params):
        """Sends a command of Chromium's DevTools; returns the answer."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self.commands.write(json.dumps(message).encode() + b"\0")
        self.commands.flush()
        while True:
            answer = self.read()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]
            if answer.get("method") == "Runtime.exceptionThrown":
                self.problems.append(answer["params"]["exceptionDetails"])
            if answer.get("method") == "Log.entryAdded":
                entry = answer["params"]["entry"]
                self.problems += [entry] if entry["level"] == "error" else []

    def read(self):
        text = bytearray()
        while (byte := self.answers.read(1)) != b"\0":
            assert byte, "Chromium has ended"
            text += byte
        return json.loads(text)

    def evaluate(self, code):
        """The value of an expression of the page, once promises are kept."""
        found = self.ask(
            "Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def settle(self):
        """Waits until what was done is on the page."""
        frame = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        self.evaluate(f"{frame}.then(() => null)")

    def place(self, selector, across=0.5, down=0.5):
        """Where a point of an element is on the screen."""
        box = f"document.querySelector({selector!r})"
        self.evaluate(f"{box}.scrollIntoView({{block: 'center'}})")
        left, top, width, height = self.evaluate(
            f"(({{left, top, width, height}}) => [left, top, width, height])"
            f"({box}.getBoundingClientRect())"
        )
        return left + across * width, top + down * height

    def drag(self, *points):
        """Presses the mouse at the first point and lets it go at the last."""
        for i, (x, y) in enumerate(points):
            kind = "mouseMoved" if i else "mousePressed"
            self.mouse(kind, x, y)
        self.mouse("mouseReleased", x, y)
        self.settle()

    def mouse(self, kind, x, y):
        held = {"button": "left", "buttons": 1, "clickCount": 1}
        self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, **held)


@contextlib.contextmanager
def opened(path, folder, width=1280, height=900):
    """Opens a file in a Chromium of its own, with no network."""
    read_commands, commands = os.pipe()
    answers, write_answers = os.pipe()
    # Chromium reads commands from its descriptor 3 and answers on its descriptor 4.
    ends = [
        fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 10)
        for one in (read_commands, write_answers)
    ]
    os.close(read_commands)
    os.close(write_answers)
    arguments = [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--no-first-run", "--remote-debugging-pipe", f"--user-data-dir={folder}",
        f"--window-size={width},{height}", "--host-resolver-rules=MAP * ~NOTFOUND",
    ]  # fmt: skip
    places = [(os.POSIX_SPAWN_DUP2, end, 3 + i) for i, end in enumerate(ends)]
    silent = [(os.POSIX_SPAWN_OPEN, one, os.devnull, os.O_RDWR, 0) for one in (0, 1, 2)]
    process = os.posix_spawn(
        PATH, [PATH, *arguments], os.environ, file_actions=[*silent, *places]
    )
    for end in ends:
        os.close(end)
    try:
        with open(commands, "wb") as to, open(answers, "rb", buffering=0) as back:
            page = Page(to, back)
            target = page.ask("Target.createTarget", url="about:blank")["targetId"]
            page.session = page.ask("Target.attachToTarget", targetId=target, flatten=True)[
                "sessionId"
            ]
            for domain in ("Runtime", "Log", "Page"):
                page.ask(f"{domain}.enable")
            page.ask("Page.navigate", url=path.resolve().as_uri())
            page.evaluate(
                "new Promise((done) => document.readyState === 'complete' ? done(null) "
                ": addEventListener('load', () => done(null)))"
            )
            yield page
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)

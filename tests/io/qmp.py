"""A QMP client of Python's standard library alone, for the tests of the daemon."""
import json
import select
import socket
import time

PATIENCE = 20


class QmpError(Exception):
    """A command was refused: its class and description."""

    def __init__(self, error):
        super().__init__(f"{error['class']}: {error['desc']}")
        self.error_class, self.description = error["class"], error["desc"]


class Qmp:
    """A connection to a monitor. Events that arrive meanwhile are kept in self.events, in order."""

    def __init__(self, path, negotiate=True):
        self.socket = connect(path)
        self.buffer = ""
        self.events = []
        self.greeting = self.message()["QMP"]
        self.next_id = 0
        if negotiate:
            self.run("qmp_capabilities")

    def send(self, data):
        """Bytes, or a request as a dictionary."""
        self.socket.sendall(data if isinstance(data, bytes) else json.dumps(data).encode() + b"\n")

    def message(self, patience=PATIENCE):
        """The next reply or event; None: the other end has closed."""
        end = time.monotonic() + patience
        while True:
            try:
                value, length = json.JSONDecoder().raw_decode(self.buffer)
                self.buffer = self.buffer[length:].lstrip()
                return value
            except json.JSONDecodeError:
                pass
            ready, _, _ = select.select([self.socket], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise TimeoutError("the monitor is silent")
            data = self.socket.recv(1 << 20)
            if not data:
                return None
            self.buffer = (self.buffer + data.decode()).lstrip()

    def reply(self):
        """The next reply."""
        while True:
            message = self.message()
            if message is None or "event" not in message:
                return message
            self.events.append(message)

    def run(self, command, **arguments):
        """Runs a command; '_' in the names of arguments is '-'. What it returns, or QmpError."""
        self.next_id += 1
        request = {"execute": command, "id": self.next_id}
        if arguments:
            request["arguments"] = {name.replace("_", "-"): value
                                    for name, value in arguments.items()}
        self.send(request)
        reply = self.reply()
        if reply is None:
            raise ConnectionError(f"no reply to {command}")
        if reply.get("id") != self.next_id:
            raise AssertionError(f"the reply to {command} has another id: {reply}")
        if "error" in reply:
            raise QmpError(reply["error"])
        return reply["return"]

    def refusal(self, command, **arguments):
        """Why the command is refused."""
        try:
            result = self.run(command, **arguments)
        except QmpError as error:
            return error.description
        raise AssertionError(f"{command} was not refused but returned {result!r}")

    def event(self, name, patience=PATIENCE):
        """The data of the next event, which must be this one."""
        message = self.events.pop(0) if self.events else self.message(patience)
        if message is None or message.get("event") != name:
            raise AssertionError(f"expected {name}, got {message}")
        return message.get("data")

    def no_events(self):
        """Fails if there has been an event that nobody has asked for."""
        if self.events:
            raise AssertionError(f"unexpected events: {self.events}")

    def wait_for_end(self):
        """Returns when the other end has closed; the events before that are kept."""
        while True:
            message = self.message()
            if message is None:
                return
            if "event" not in message:
                raise AssertionError(f"unexpected reply: {message}")
            self.events.append(message)


def connect(path):
    """A socket, as soon as somebody listens."""
    end = time.monotonic() + PATIENCE
    while True:
        client = socket.socket(socket.AF_UNIX)
        try:
            client.connect(path)
            return client
        except (FileNotFoundError, ConnectionRefusedError):
            client.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.01)

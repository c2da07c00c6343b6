"""QEMU's storage daemon and our replay program as two ends that answer QMP on a pipe."""
import os
import select
import subprocess

NEGOTIATE = b'{"execute":"qmp_capabilities"}\n'
PEER = ["qemu-storage-daemon", "--chardev", "stdio,id=m", "--monitor", "chardev=m"]
PATIENCE = 30


class Server:
    """A process that speaks QMP. Its greeting is read at once."""

    def __init__(self, command):
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        self.buffer = b""
        self.greeting = self.line()

    def line(self):
        """The next line of its output."""
        while b"\n" not in self.buffer:
            ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
            data = os.read(self.process.stdout.fileno(), 1 << 20) if ready else b""
            if not data:
                raise RuntimeError(f"{self.process.args[0]} is silent")
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line

    def send(self, data):
        """Writes to it."""
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def ask(self, data, mark):
        """What it says to the bytes. `mark` is a request and the reply that ends the answer."""
        self.send(data + mark[0])
        lines = []
        while True:
            line = self.line()
            if mark[1] in line:
                return lines
            lines.append(line)

    def close(self):
        """Ends it."""
        self.process.kill()
        self.process.communicate()


def open_both(replay, negotiated=True):
    """Our server and theirs."""
    servers = [Server([replay, "qmp"]), Server(PEER)]
    for server in servers:
        if negotiated:
            server.send(NEGOTIATE)
            server.line()
    return servers

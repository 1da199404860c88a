"""Servers of a test's own, to be stopped, paused and cut off: PostgreSQL, Redis, and a proxy."""

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def answers(port):
    """Tell whether something listens on a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def binaries():
    """Return the folder of PostgreSQL's own programs, or ``None``."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if found:
        return found[-1]
    initdb = shutil.which("initdb")
    return Path(initdb).parent if initdb else None


class Server:
    """A process that listens on a port."""

    #: Signals that end it, whatever the shell that began the tests ignores.
    endings = (signal.SIGINT, signal.SIGKILL)

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="irontoken-server-"))
        self.folder.chmod(0o700)
        self.port = free_port()
        self.process = None

    def wait(self):
        for _ in range(600):
            if answers(self.port):
                return self
            time.sleep(0.05)
        raise RuntimeError(f"no server on port {self.port}")

    def pids(self):
        """Return the pids of the server and of its children."""
        found = subprocess.run(
            ["ps", "-e", "-o", "pid=,ppid="], capture_output=True, check=True, text=True
        )
        parents = dict(map(int, line.split()) for line in found.stdout.splitlines())
        mine = self.process.pid
        return [mine, *(pid for pid, parent in parents.items() if parent == mine)]

    def pause(self):
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def resume(self):
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def stop(self, number=signal.SIGINT):
        if self.process is not None:
            self.resume()
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class PostgresServer(Server):
    """A PostgreSQL cluster; ``primary`` makes it that server's standby, ``delay`` behind it."""

    endings = (signal.SIGINT, signal.SIGQUIT)

    def __init__(self, primary=None, delay=0):
        super().__init__()
        self.user = {}
        if os.geteuid() == 0:
            import pwd  # Windows has none

            entry = pwd.getpwnam("postgres")
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            self.user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        self.data = self.folder / "data"
        if primary is None:
            arguments = ["-U", "postgres", "-A", "trust", "--no-sync", "-D", self.data]
            self.run("initdb", *arguments)
        else:
            address = ["-h", "127.0.0.1", "-p", str(primary.port), "-U", "postgres"]
            self.run("pg_basebackup", *address, "-D", self.data, "-R", "--no-sync")
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.write(
                f"port = {self.port}\nlisten_addresses = '127.0.0.1'\n"
                f"unix_socket_directories = ''\nfsync = off\nmax_connections = 60\n"
                f"recovery_min_apply_delay = '{delay}s'\n"
            )
        self.start()

    def run(self, program, *arguments):
        command = [str(binaries() / program), *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, check=False, text=True, cwd=self.folder, **self.user
        )
        if done.returncode:
            raise RuntimeError(done.stderr)

    def start(self):
        command = [str(binaries() / "postgres"), "-D", str(self.data)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, **self.user
            )
        self.wait()
        for _ in range(200):
            with contextlib.suppress(RuntimeError):
                self.run("pg_isready", "-h", "127.0.0.1", "-p", self.port)
                return self
            time.sleep(0.05)
        raise RuntimeError((self.folder / "log").read_text())

    @property
    def url(self):
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"


class RedisServer(Server):
    """A Redis server that keeps nothing."""

    def __init__(self):
        super().__init__()
        self.start()

    def start(self):
        command = ["redis-server", "--port", str(self.port), "--save", "", "--bind", "127.0.0.1"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=self.folder)
        return self.wait()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"


class Proxy:
    """Passes bytes on to a port of this machine, as long as it is not told otherwise.

    ``delay`` is in seconds; ``swallows`` takes what the server sends and passes nothing on;
    ``refuses`` ends connections as soon as they are made.
    """

    def __init__(self, port):
        self.to = port
        self.delay = 0.0
        self.swallows = False
        self.refuses = False
        self.pairs = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            try:
                if self.refuses:
                    raise ConnectionError
                server = socket.create_connection(("127.0.0.1", self.to), timeout=5)
            except OSError:
                client.close()
                continue
            self.pairs.append((client, server))
            threading.Thread(target=self._pump, args=(client, server), daemon=True).start()

    def _pump(self, client, server):
        with contextlib.suppress(OSError), client, server:
            while True:
                readable, _, _ = select.select([client, server], [], [], 60)
                for end in readable:
                    data = end.recv(65536)
                    if not data:
                        return
                    if end is server and self.swallows:
                        continue
                    if self.delay:
                        time.sleep(self.delay)
                    (server if end is client else client).sendall(data)

    def cut(self, how=socket.SHUT_RDWR):
        """End all connections; ``SHUT_WR`` half-closes those to the client."""
        for client, server in self.pairs:
            for end in (client, server) if how == socket.SHUT_RDWR else (client,):
                with contextlib.suppress(OSError):
                    end.shutdown(how)
        self.pairs.clear()

    def close(self):
        self.listening.close()
        self.cut()

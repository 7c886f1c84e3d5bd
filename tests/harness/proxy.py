"""A bad line between a client and the server."""

import select
import socket
import threading


class Line:
    """Forwards connections to a server. After limit bytes, counted in one direction ("up": from the
    client, "down": to it) over all connections, nothing passes any more: `stalled` is set, and the
    connections stay open until cut() ends them."""

    def __init__(self, port):
        self.target = ("127.0.0.1", port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.stalled = threading.Event()
        self.released = threading.Event()
        self.lock = threading.Lock()
        self.left = {"up": None, "down": None}
        self.sockets = set()
        self.accepting = threading.Thread(target=self._accept, daemon=True)
        self.accepting.start()

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.port}"

    def limit(self, direction, count):
        self.left[direction] = count

    def cut(self):
        """Ends all connections; new ones pass without a limit."""
        with self.lock:
            self.left = {"up": None, "down": None}
            for sock in self.sockets:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.released.set()
            self.released = threading.Event()
            self.stalled.clear()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def _accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            server = socket.create_connection(self.target)
            with self.lock:
                self.sockets |= {client, server}
            threading.Thread(target=self._forward, args=(client, server), daemon=True).start()

    def _passes(self, direction, size):
        """How many of size bytes may pass."""
        with self.lock:
            left = self.left[direction]
            if left is None:
                return size
            self.left[direction] = max(0, left - size)
            if left <= size:
                self.stalled.set()
            return min(left, size)

    def _forward(self, client, server):
        to = {client: ("up", server), server: ("down", client)}
        released = self.released
        try:
            while True:
                for sock in select.select(list(to), [], [])[0]:
                    direction, other = to[sock]
                    block = sock.recv(65536)
                    if not block:
                        return
                    count = self._passes(direction, len(block))
                    other.sendall(block[:count])
                    if count < len(block):
                        released.wait()
                        return
        except OSError:
            return
        finally:
            with self.lock:
                self.sockets -= {client, server}
            client.close()
            server.close()

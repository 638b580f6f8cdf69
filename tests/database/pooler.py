"""A small pooler before a real PostgreSQL: what pgbouncer does to a session, in the two modes that matter.

It speaks as much of the protocol as that needs: a greeting of its own (with a process id of its own, and no `options`),
and a server for a client's session, or only until a transaction's end.
"""

import contextlib
import queue
import select
import socket
import struct
import threading
from types import TracebackType

import psycopg
from psycopg.conninfo import conninfo_to_dict

READY, IDLE = b"Z", b"I"


def _exactly(peer: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        more = peer.recv(size - len(got))
        if not more:
            raise ConnectionError("closed")
        got += more
    return got


def _message(peer: socket.socket) -> tuple[bytes, bytes]:
    kind = _exactly(peer, 1)
    (size,) = struct.unpack("!I", _exactly(peer, 4))
    return kind, _exactly(peer, size - 4)


def _packed(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


class Pooler:
    """Listens on a port of its own, as `url`; servers are psycopg's connections, whose sockets it uses."""

    def __init__(self, url: str, *, transactions: bool = False) -> None:
        self._to, self._transactions = url, transactions
        self._free: queue.LifoQueue[psycopg.Connection] = queue.LifoQueue()
        self._servers: list[psycopg.Connection] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        given = conninfo_to_dict(url)
        port = self._listening.getsockname()[1]
        self.url = f"postgresql://{given['user']}@127.0.0.1:{port}/{given['dbname']}?sslmode=disable&gssencmode=disable"

    def __enter__(self) -> "Pooler":
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._listening.close()
        for server in self._servers:
            server.close()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # many small messages
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _server(self) -> psycopg.Connection:
        with contextlib.suppress(queue.Empty):
            return self._free.get_nowait()
        server = psycopg.connect(self._to, autocommit=True)
        self._servers.append(server)
        return server

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(ConnectionError, OSError), client:
            (size,) = struct.unpack("!I", _exactly(client, 4))
            words = _exactly(client, size - 4)[4:].split(b"\0")
            if b"options" in words[::2]:
                said = b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: options\0\0"
                client.sendall(_packed(b"E", said))
                return
            server = self._server()
            try:
                self._greet(client, server)
                if not self._transactions:
                    self._talk(client, server)
                else:
                    self._free.put(server)
                    while True:
                        self._transaction(client, _message(client))
            finally:
                if not self._transactions:
                    server.close()

    def _greet(self, client: socket.socket, server: psycopg.Connection) -> None:
        client.sendall(_packed(b"R", struct.pack("!I", 0)))
        for name in (
            "server_version",
            "server_encoding",
            "client_encoding",
            "TimeZone",
            "DateStyle",
            "integer_datetimes",
        ):
            value = server.info.parameter_status(name) or ""
            client.sendall(_packed(b"S", f"{name}\0{value}\0".encode()))
        client.sendall(_packed(b"K", struct.pack("!II", 1, 1)) + _packed(READY, IDLE))

    def _talk(self, client: socket.socket, server: psycopg.Connection) -> None:
        """Pass on what both say."""
        with _socket_of(server) as upstream:
            while True:
                for peer in select.select([client, upstream], [], [])[0]:
                    other = upstream if peer is client else client
                    other.sendall(_packed(*_message(peer)))

    def _transaction(self, client: socket.socket, first: tuple[bytes, bytes]) -> None:
        """The same from this message on, until the server is idle: it is free before the client hears that."""
        server = self._server()
        with _socket_of(server) as upstream:
            upstream.sendall(_packed(*first))
            while True:
                peers = select.select([client, upstream], [], [])[0]
                if client in peers:
                    upstream.sendall(_packed(*_message(client)))
                if upstream in peers:
                    said = _message(upstream)
                    if said == (READY, IDLE):
                        self._free.put(server)
                    client.sendall(_packed(*said))
                    if said == (READY, IDLE):
                        return


def _socket_of(server: psycopg.Connection) -> socket.socket:
    upstream = socket.socket(fileno=socket.dup(server.fileno()))
    upstream.setblocking(True)
    return upstream

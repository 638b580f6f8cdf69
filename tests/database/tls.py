"""TLS before a real PostgreSQL, built without: certificates of its own, an answer to the request for TLS, and
what comes after is handed on.
"""

import contextlib
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType

import psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg.conninfo import conninfo_to_dict

SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


def authority(folder: Path, name: str) -> tuple[Path, Path]:
    """Of a server on 127.0.0.1 alone, vouched for by itself: the certificate's file and its key's."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate, private


class Front:
    """Listens on a port of its own, as `url`, which says nothing of TLS."""

    def __init__(self, url: str, certificate: Path, key: Path) -> None:
        self._to = url
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._listening = socket.create_server(("127.0.0.1", 0))
        given = conninfo_to_dict(url)
        port = self._listening.getsockname()[1]
        self.url = f"postgresql://{given['user']}@127.0.0.1:{port}/{given['dbname']}"

    def __enter__(self) -> "Front":
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._listening.close()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError), peer:
            if peer.recv(len(SSL_REQUEST)) != SSL_REQUEST:
                return
            peer.sendall(b"S")
            with self._context.wrap_socket(peer, server_side=True) as client, self._dial() as server:
                threading.Thread(target=_copy, args=(server, client), daemon=True).start()
                _copy(client, server)

    def _dial(self) -> socket.socket:
        """The server's socket, before a word was said."""
        given = conninfo_to_dict(self._to)
        host, port = str(given.get("host")), int(str(given.get("port") or 5432))
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        made = socket.socket(socket.AF_UNIX)
        made.connect(f"{host}/.s.PGSQL.{port}")
        return made


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def is_encrypted(connection: psycopg.Connection) -> bool:
    return bool(connection.pgconn.ssl_in_use)

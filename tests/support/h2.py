"""HTTP/2 by hand: several requests on one connection, and streams that are reset."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Generator, Mapping
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
from hyperframe.frame import Frame, GoAwayFrame
from requests.structures import CaseInsensitiveDict

from tests.support.wire import Reply


class NotProcessedError(Exception):
    """The server says that it has not begun with the request: it may be sent again on another connection."""


class _Client(h2.connection.H2Connection):
    """h2 takes a GOAWAY for the end of all streams; the server still answers those up to ``last``."""

    last: int | None = None

    def _receive_goaway_frame(self, frame: GoAwayFrame) -> tuple[list[Frame], list[h2.events.Event]]:
        self.last = frame.last_stream_id
        return [], []


class Connection:
    """One connection. Its methods are for one thread at a time."""

    def __init__(self, sock: ssl.SSLSocket, authority: str) -> None:
        self._socket = sock
        self._authority = authority
        self._http = _Client(h2.config.H2Configuration(header_encoding="utf-8"))
        self._http.initiate_connection()
        self._replies: dict[int, tuple[int, dict[str, str], bytes]] = {}
        self._ended: set[int] = set()
        self._flush()

    def begin(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """Send a request without its end, of the length that ``headers`` give; the number of its stream."""
        stream = self._http.get_next_available_stream_id()
        start = {":method": method, ":scheme": "https", ":authority": self._authority, ":path": path}
        self._http.send_headers(stream, [*{**start, **headers}.items()])
        self._http.send_data(stream, body)
        self._flush()
        return stream

    def send(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> int:
        """Send a request; the number of its stream."""
        if self._http.last is not None:
            raise NotProcessedError
        stream = self._http.get_next_available_stream_id()
        start = {":method": method, ":scheme": "https", ":authority": self._authority, ":path": path}
        length = {"content-length": str(len(body))} if body else {}
        self._http.send_headers(stream, [*{**start, **length, **(headers or {})}.items()], end_stream=not body)
        self._flush()
        while body and stream not in self._ended:
            room = min(self._http.local_flow_control_window(stream), self._http.max_outbound_frame_size)
            if room:
                self._http.send_data(stream, body[:room], end_stream=len(body) <= room)
                body = body[room:]
                self._flush()
            else:
                self._receive(stream)
        return stream

    @property
    def most_streams(self) -> int:
        """How many requests the server answers at the same time, once it has answered one."""
        return int(self._http.remote_settings.max_concurrent_streams)

    def reset(self, stream: int) -> None:
        """End a stream without waiting for its answer."""
        self._http.reset_stream(stream, 8)  # CANCEL
        self._flush()

    def reply(self, stream: int) -> Reply:
        """The whole answer to a request."""
        while stream not in self._ended:
            self._receive(stream)
        status, headers, content = self._replies.pop(stream)
        return Reply(status, CaseInsensitiveDict(headers), content.decode())

    def request(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Reply:
        """Send a request and wait for its answer."""
        return self.reply(self.send(method, path, headers, body))

    def _receive(self, stream: int) -> None:
        data = self._socket.recv(65536)
        for event in self._http.receive_data(data) if data else []:
            self._take(event)
        self._flush()
        if self._http.last is not None and stream > self._http.last:
            raise NotProcessedError
        if not data and stream not in self._ended:
            raise ConnectionError(f"the server has closed the connection before the end of stream {stream}")

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ResponseReceived):
            headers = {str(name): str(value) for name, value in event.headers}
            self._replies[event.stream_id] = int(headers.pop(":status")), headers, b""
        elif isinstance(event, h2.events.DataReceived):
            status, known, content = self._replies[event.stream_id]
            self._replies[event.stream_id] = status, known, content + event.data
            self._http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded | h2.events.StreamReset):
            self._ended.add(event.stream_id)

    def _flush(self) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # what was answered before can still be read
            self._socket.sendall(self._http.data_to_send())


@contextlib.contextmanager
def connection(url: str, context: ssl.SSLContext) -> Generator[Connection]:
    """A connection to the server of ``url``; ``context`` must offer h2."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    with (
        socket.create_connection((parts.hostname, parts.port or 443), timeout=60) as sock,
        context.wrap_socket(sock, server_hostname=parts.hostname) as tls,
    ):
        assert tls.selected_alpn_protocol() == "h2"
        yield Connection(tls, parts.netloc)

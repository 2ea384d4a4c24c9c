//! How much the API takes and gives: requests, connections, answers that are not sent yet.

use std::time::Duration;

/// Largest body of a request on the API; a larger one is answered 413.
pub const HTTP_BODY_BYTES_MAX: usize = 2 << 20;
/// Largest head (request line and headers) of a request; a larger one is answered 431.
pub const HTTP_HEAD_BYTES_MAX: usize = 16 << 10;
/// Most headers in one request.
pub const HTTP_HEADERS_MAX: usize = 64;
/// Most connections on the TCP listener. For the next one the oldest without a token is closed, of
/// the network that has most of these; when all have shown a token it is closed itself. Counted.
pub const HTTP_TCP_CONNECTIONS_MAX: usize = 512;
/// Most of them from one address other than this machine's own; the next one is closed at once and
/// counted: a quarter, as many nodes and people may be behind one address.
pub const HTTP_TCP_CONNECTIONS_PER_ADDRESS_MAX: usize = 128;
/// Most connections on the unix socket; the next one waits in the listener's backlog.
pub const HTTP_UNIX_CONNECTIONS_MAX: usize = 256;
/// Time a client has to send the head of its next request, idle time included.
pub const HTTP_HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Time a client has to send its body, and to take the next bytes of an answer.
pub const HTTP_BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes that a client which is behind must take in that time, or else its connection is ended:
/// 2 KiB a second. A modem does more, although the kernel tells of it in steps of up to 100 KiB.
pub const HTTP_SENT_BYTES_MIN: usize = 64 << 10;
/// What the kernel is asked to hold for one client over TCP. With more it lets the next bytes in so
/// late that a slow client looks like one that does not read (measured: with 256 KiB one of 6 kB a
/// second does); and 512 clients cannot have 4 MiB each of it.
pub const HTTP_SEND_BUFFER_BYTES: usize = 64 << 10;
/// Bytes of answers over TCP that are made and not sent yet, of all who show no token. Room for
/// five of the largest values, each of whose bytes takes six as JSON. What finds no room is
/// answered 503, and a stream breaks off.
pub const HTTP_UNSENT_BYTES_MAX: usize = 32 << 20;
/// The same of all who show a token, who may be hundreds that watch the same large values.
pub const HTTP_UNSENT_KNOWN_BYTES_MAX: usize = 128 << 20;
/// Answers up to this size need no room: one on each connection is 8 MiB.
pub const HTTP_UNSENT_SMALL_BYTES: usize = 16 << 10;

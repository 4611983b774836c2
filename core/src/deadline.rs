//! Every reason for which something can take too long, in one place. `poll_timeout` of a machine says the instant and
//! this reason; logs and metrics use [`Deadline::name`].

/// What is being waited for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Deadline {
    /// The rest of a request's head: a client that drips must not hold a connection.
    ClientHead,
    /// The next bytes of a request's content.
    ClientBody,
    /// Room at the client, for an answer that is complete here.
    ClientWrite,
    /// The next request on a kept connection.
    KeepAlive,
    /// The end of what a client still sends after an answer that closes; cutting at once could destroy the answer.
    Linger,
    /// An answer of the store.
    Store,
    /// A connection to the upstream, TLS included.
    Connect,
    /// The head of the upstream's response, from the end of the request.
    ResponseHead,
    /// The whole exchange, where the answer is no stream.
    Exchange,
    /// The next byte of a stream, in either direction.
    StreamIdle,
    /// The upstream's last bytes, after the client has ended a tunnel.
    TunnelEnd,
    /// The next look at the token of a tunnel.
    TokenCheck,
    /// The end of the token of a tunnel.
    TokenExpiry,
}

impl Deadline {
    /// The reason as a word for logs and labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientHead => "client_head",
            Self::ClientBody => "client_body",
            Self::ClientWrite => "client_write",
            Self::KeepAlive => "keep_alive",
            Self::Linger => "linger",
            Self::Store => "store",
            Self::Connect => "connect",
            Self::ResponseHead => "response_head",
            Self::Exchange => "exchange",
            Self::StreamIdle => "stream_idle",
            Self::TunnelEnd => "tunnel_end",
            Self::TokenCheck => "token_check",
            Self::TokenExpiry => "token_expiry",
        }
    }
}

//! Makes one listening socket per worker on one address, so that the kernel spreads connections (SO_REUSEPORT).

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use crate::{RunError, ServerConfig};

/// How many connections the kernel may hold for one listener.
pub const BACKLOG: i32 = 4096;

/// The listeners of all workers on the first address of `config` that this host has, and that address with its port.
///
/// # Errors
/// [`RunError::Listen`] if it cannot be listened on, [`RunError::NoAddress`] if there is none.
pub fn listen(config: &ServerConfig) -> Result<(SocketAddr, Vec<TcpListener>), RunError> {
    let mut refused = RunError::NoAddress;
    for addr in config.listen.iter().copied() {
        match listen_on(addr, config.workers) {
            Ok(listeners) => {
                let addr = listeners.first().map_or(Ok(addr), TcpListener::local_addr)?;
                return Ok((addr, listeners));
            }
            Err(source) => {
                let taken = source.kind() == io::ErrorKind::AddrInUse;
                refused = RunError::Listen { addr, source };
                if taken {
                    break;
                }
            }
        }
    }
    Err(refused)
}

/// `count` listeners on `address`; port 0 takes a free one, the same for all.
///
/// # Errors
/// As the system says, above all `AddrInUse`. That is found by a first socket without SO_REUSEPORT: with it, a second
/// program on the same address would silently take half of the connections.
fn listen_on(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    let probe = bind(address, false)?;
    let address = probe.local_addr()?.as_socket().unwrap_or(address);
    drop(probe);
    (0..count.max(1))
        .map(|_| {
            let socket = bind(address, true)?;
            socket.listen(BACKLOG)?;
            Ok(socket.into())
        })
        .collect()
}

fn bind(address: SocketAddr, reuse_port: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(reuse_port)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_use_is_refused_although_ports_are_shared_between_workers() {
        let first = listen_on("127.0.0.1:0".parse().unwrap(), 2).unwrap();
        let address = first[0].local_addr().unwrap();
        assert_eq!(first[1].local_addr().unwrap(), address);
        assert_eq!(listen_on(address, 1).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}

//! A nonblocking socket that takes every write: what the system does not take at once waits here and goes first.

use std::io::{self, Read, Write};

use mio::net::TcpStream;

/// The socket. It has to be registered for reading and writing, edge-triggered as mio does it.
pub(crate) struct Socket {
    stream: TcpStream,
    waiting: Vec<u8>,
}

impl Socket {
    /// Around a connected stream.
    pub(crate) const fn new(stream: TcpStream) -> Self {
        Self { stream, waiting: Vec::new() }
    }

    /// Reads once; 0 when nothing is there.
    ///
    /// # Errors
    /// When the connection broke, and at its end ([`io::ErrorKind::UnexpectedEof`]).
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.stream.read(buffer) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            other => other,
        }
    }

    /// Writes what waits, then `bytes`, as far as the system takes them; keeps the rest.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.waiting.is_empty() {
            return self.write(bytes);
        }
        let mut all = std::mem::take(&mut self.waiting);
        all.extend_from_slice(bytes);
        self.write(&all)
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(taken) => bytes = &bytes[taken..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        self.waiting.extend_from_slice(bytes);
        Ok(())
    }
}

//! Stands between a store and its server, and can cut or freeze what goes through.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Everything goes through.
    Open,
    /// Connections are closed as soon as they are made, and those that there are, too.
    Cut,
    /// Connections stay, and nothing goes through: as when a machine vanishes.
    Frozen,
}

struct State {
    mode: Mode,
    streams: Vec<TcpStream>,
}

/// A place in front of a server.
pub(crate) struct Relay {
    pub(crate) place: SocketAddr,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Relay {
    pub(crate) fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap();
        let state = Arc::new((Mutex::new(State { mode: Mode::Open, streams: Vec::new() }), Condvar::new()));
        let (server, shared) = (server.to_owned(), Arc::clone(&state));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
                let mut state = shared.0.lock().unwrap();
                if state.mode == Mode::Cut {
                    continue;
                }
                state.streams.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
                carry(client.try_clone().unwrap(), server.try_clone().unwrap(), Arc::clone(&shared));
                carry(server, client, Arc::clone(&shared));
            }
        });
        Self { place, state }
    }

    pub(crate) fn cut(&self) {
        let mut state = self.state.0.lock().unwrap();
        state.mode = Mode::Cut;
        for stream in state.streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn freeze(&self) {
        self.state.0.lock().unwrap().mode = Mode::Frozen;
    }

    /// Connections that were frozen stay so; new ones go through.
    pub(crate) fn open(&self) {
        let mut state = self.state.0.lock().unwrap();
        state.mode = Mode::Open;
        for stream in state.streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.state.1.notify_all();
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, state: Arc<(Mutex<State>, Condvar)>) {
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            let open = state.1.wait_while(state.0.lock().unwrap(), |state| state.mode == Mode::Frozen);
            drop(open);
            if to.write_all(&bytes[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}

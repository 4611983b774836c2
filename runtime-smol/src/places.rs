//! A place for each client connection, out of MAX_CONNECTIONS, and how a newcomer gets one where none is left.

use std::net::TcpStream;
use std::sync::Arc;

use async_io::{Async, Timer};
use futures_lite::{FutureExt as _, future};
use llm_proxy_runtime_common::{Room, Seats, Shortage, clock};
use smol::lock::{Semaphore, SemaphoreGuardArc};

/// The places, as a worker sees them.
#[derive(Debug)]
pub(crate) struct Places {
    /// Those of all workers: one for each client connection.
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) seats: Seats,
}

impl Places {
    /// A place for a client that is accepted already: another one goes for it if there is none, or if the open files that
    /// requests need run out.
    pub(crate) async fn one_for(&self, client: &Async<TcpStream>) -> SemaphoreGuardArc {
        let permit = self.permit().await;
        if self.seats.is_scarce(client.get_ref()) {
            while let room @ Room::NotYet(_) = self.seats.make_room(Shortage::OpenFiles, clock::now().mono) {
                Timer::after(room.wait()).await;
            }
            // For the one that goes to close its socket, before another is accepted.
            future::yield_now().await;
        }
        permit
    }

    async fn permit(&self) -> SemaphoreGuardArc {
        if let Some(permit) = self.permits.try_acquire_arc() {
            return permit;
        }
        // For those that were accepted just now to stand in their line.
        future::yield_now().await;
        loop {
            if let Some(permit) = self.permits.try_acquire_arc() {
                return permit;
            }
            let room = self.seats.make_room(Shortage::Places, clock::now().mono);
            let given = async { Some(self.permits.acquire_arc().await) };
            let late = async {
                Timer::after(room.wait()).await;
                None
            };
            if let Some(permit) = given.or(late).await {
                return permit;
            }
        }
    }
}

//! A place for each client connection, out of MAX_CONNECTIONS, and how a newcomer gets one where none is left.

use std::sync::Arc;

use llm_proxy_runtime_common::{Room, Seats, Shortage, clock};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

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
    pub(crate) async fn one_for(&self, client: &TcpStream) -> OwnedSemaphorePermit {
        let permit = self.permit().await;
        if self.seats.is_scarce(client) {
            while let room @ Room::NotYet(_) = self.seats.make_room(Shortage::OpenFiles, clock::now().mono) {
                tokio::time::sleep(room.wait()).await;
            }
            // For the one that goes to close its socket, before another is accepted.
            tokio::task::yield_now().await;
        }
        permit
    }

    async fn permit(&self) -> OwnedSemaphorePermit {
        if let Ok(permit) = self.permits.clone().try_acquire_owned() {
            return permit;
        }
        // For those that were accepted just now to stand in their line.
        tokio::task::yield_now().await;
        loop {
            if let Ok(permit) = self.permits.clone().try_acquire_owned() {
                return permit;
            }
            let room = self.seats.make_room(Shortage::Places, clock::now().mono);
            // The semaphore is never closed.
            if let Ok(Ok(permit)) = timeout(room.wait(), self.permits.clone().acquire_owned()).await {
                return permit;
            }
        }
    }
}

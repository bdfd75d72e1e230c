//! The logic environments as their users find them: each of their lives listens on another address.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use parking_lot::Mutex;
use utakata_api::Client;
use utakata_up::folder::Folder;

/// The logic environments, wherever they listen now.
#[derive(Debug)]
pub struct Server {
    folders: Vec<Folder>,
    /// The turn of the next request.
    turn: AtomicUsize,
    /// The clients of the lives that were found last.
    known: Mutex<BTreeMap<String, Client>>,
}

impl Server {
    /// Creates clients of those with these data directories.
    pub fn new(folders: Vec<Folder>) -> Self {
        Self {
            folders,
            turn: AtomicUsize::default(),
            known: Mutex::default(),
        }
    }

    /// Returns a client of a running life, if there is one: of several, each in its turn.
    pub fn client(&self) -> Option<Client> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = self.folders.len();
        let in_turn = (0..count).map(|at| &self.folders[(turn + at) % count]);
        in_turn.filter_map(|folder| self.of(folder)).next()
    }

    /// The clients of all lives that there are now, each behind the name of its process.
    pub fn clients(&self) -> Vec<(String, Client)> {
        let named = self.folders.iter().filter_map(|folder| {
            let name = folder.path().file_name()?;
            Some((name.to_string_lossy().into_owned(), self.of(folder)?))
        });
        named.collect()
    }

    /// A client of the life that has this data directory now.
    fn of(&self, folder: &Folder) -> Option<Client> {
        let endpoint = folder.endpoint()?;
        let mut known = self.known.lock();
        if let Some(client) = known.get(&endpoint.url) {
            return Some(client.clone());
        }
        let client = Client::new(&endpoint.url, &folder.token().ok()?).ok()?;
        known.insert(endpoint.url, client.clone());
        Some(client)
    }
}

//! The logic environment as its users find it: each of its lives listens elsewhere.

use parking_lot::Mutex;
use utakata_api::Client;

use crate::folder::Folder;

/// Where the logic environment is now.
#[derive(Debug)]
pub struct Server {
    folder: Folder,
    /// Of the life that was found last.
    known: Mutex<Option<Client>>,
}

impl Server {
    /// The one that has this data directory.
    pub fn new(folder: Folder) -> Self {
        Self {
            folder,
            known: Mutex::default(),
        }
    }

    /// A client of the life that there is now, if there is one.
    pub fn client(&self) -> Option<Client> {
        let endpoint = self.folder.endpoint()?;
        let mut known = self.known.lock();
        if let Some(client) = known.as_ref().filter(|one| one.url() == endpoint.url) {
            return Some(client.clone());
        }
        let client = Client::new(&endpoint.url, &self.folder.token().ok()?).ok()?;
        *known = Some(client.clone());
        Some(client)
    }
}

//! A utility feed: what supplies UPSs and cooling units, until it fails.

/// A utility feed.
#[derive(Debug, Clone)]
pub struct Utility {
    pub name: String,
    /// True while it delivers nothing.
    pub is_lost: bool,
}

impl Utility {
    /// Creates a feed that delivers.
    pub fn new(name: String) -> Self {
        Self {
            name,
            is_lost: false,
        }
    }
}

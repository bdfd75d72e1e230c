//! The parts of resources that a walk and the reads look at. Pure.

use std::sync::Arc;

use utakata_profile::json::Wanted;

use super::{Profile, Segment};

/// The parts of resources that these profiles look at: what their reads point to, the links that are
/// followed, and all that of the members of a collection.
pub fn wanted(profiles: &[Arc<Profile>]) -> Wanted {
    let mut wanted = Wanted::default();
    for content in profiles.iter().map(|profile| &profile.content) {
        content.reads.iter().for_each(|read| wanted.add_read(read));
        for segment in content.find.values().flatten().flatten() {
            if let Segment::Name(name) = segment {
                let name = name.replace('~', "~0");
                wanted.add(&format!("/{name}/@odata.id"));
                wanted.add(&format!("/Links/{name}/@odata.id"));
            }
        }
    }
    let of_members = [
        "/@odata.id",
        "/Id",
        "/@odata.nextLink",
        "/Members@odata.nextLink",
    ];
    of_members.iter().for_each(|at| wanted.add(at));
    wanted.with_members("Members")
}

#[cfg(test)]
mod tests;

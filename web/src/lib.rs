//! The web UI: the files that a browser needs, embedded.
//!
//! They are made from the sources in `app/` by `build.mjs`, and kept in `dist/`, so that no Rust
//! build needs Node. `./check web` makes them again and compares.

/// A file of the UI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// The path at which it is served.
    pub path: &'static str,
    /// The media type, for `Content-Type`.
    pub media_type: &'static str,
    /// The content, not compressed.
    pub plain: &'static [u8],
    /// The content, compressed by gzip.
    pub gzip: &'static [u8],
}

macro_rules! assets {
    ($($file:literal $media_type:literal,)*) => {
        &[$(Asset {
            path: concat!("/", $file),
            media_type: $media_type,
            plain: include_bytes!(concat!("../dist/", $file)),
            gzip: include_bytes!(concat!("../dist/", $file, ".gz")),
        },)*]
    };
}

/// All files of the UI, the page first.
pub const ASSETS: &[Asset] = assets! {
    "index.html" "text/html; charset=utf-8",
    "app.js" "text/javascript; charset=utf-8",
    "plot.js" "text/javascript; charset=utf-8",
    "app.css" "text/css; charset=utf-8",
    "icon.svg" "image/svg+xml",
    "licenses.txt" "text/plain; charset=utf-8",
};

/// The page, which shows every view.
pub const PAGE: &Asset = &ASSETS[0];

/// Returns the file that is served at a path. The page is at `/`.
pub fn find(path: &str) -> Option<&'static Asset> {
    if path == "/" {
        return Some(PAGE);
    }
    ASSETS.iter().find(|asset| asset.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_its_file_and_no_other_has_one() {
        assert_eq!(find("/"), Some(PAGE));
        for asset in ASSETS {
            assert_eq!(find(asset.path), Some(asset));
            assert_eq!(asset.gzip[..2], [0x1f, 0x8b], "{}", asset.path);
        }
        for other in ["", "/app.ts", "/../Cargo.toml", "/index.html/"] {
            assert_eq!(find(other), None, "{other}");
        }
    }

    #[test]
    fn the_page_has_no_script_or_style_in_it() {
        let page = String::from_utf8_lossy(PAGE.plain);
        assert!(!page.contains("<style") && !page.contains(" style="));
        for script in page.split("<script").skip(1) {
            assert!(script.contains("src=\"/app.js\""), "{script}");
            assert!(script.contains("></script>"), "{script}");
        }
    }

    #[test]
    fn the_script_is_at_most_70_kb_without_that_of_charts() {
        let script = find("/app.js").map(|asset| asset.gzip.len());
        assert!(script.is_some_and(|size| size <= 70_000), "{script:?}");
    }
}

//! The server of a URL: its scheme, host and port.

/// Returns true if two URLs are written with the same host and port: two names of one host may be
/// two hosts tomorrow.
pub fn is_same(one: &str, other: &str) -> bool {
    authority(one) == authority(other)
}

/// Returns the scheme, host and port of a URL, in one form.
pub fn authority(url: &str) -> Option<String> {
    let (scheme, usual) = match url.starts_with("https://") {
        true => ("https://", 443),
        false => ("http://", 80),
    };
    let rest = url.strip_prefix(scheme)?;
    let authority = rest.split(['/', '?', '#']).next()?.to_ascii_lowercase();
    let port = authority.rsplit(':').next();
    let has_port = port.is_some_and(|port| !port.is_empty() && port.parse::<u16>().is_ok());
    Some(if has_port && authority.contains(':') {
        format!("{scheme}{authority}")
    } else {
        format!("{scheme}{authority}:{usual}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_the_server_of_a_token_only_with_the_same_host_and_port() {
        for (one, other, expect) in [
            ("http://127.0.0.1:7700", "http://127.0.0.1:7700/", true),
            ("http://LE-1:7700", "http://le-1:7700/v1?x=1", true),
            ("http://le-1:80", "http://le-1", true),
            ("http://127.0.0.1:7700", "http://127.0.0.1:7701", false),
            ("http://127.0.0.1:7700", "http://localhost:7700", false),
            (
                "http://127.0.0.1:7700",
                "http://127.0.0.1:7700@evil:7700",
                false,
            ),
            ("http://[::1]:7700", "http://[::1]:7700", true),
            ("http://[::1]:80", "http://[::1]", true),
            ("https://le-1:7700", "https://LE-1:7700/", true),
            ("https://le-1", "https://le-1:443", true),
            ("https://le-1:7700", "http://le-1:7700", false),
        ] {
            assert_eq!(is_same(one, other), expect, "{one} {other}");
        }
    }
}

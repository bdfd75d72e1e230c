use super::sse::{Frame, Parser};
use super::*;

fn frame(event: &str, data: &str) -> Frame {
    Frame {
        event: event.into(),
        data: data.into(),
    }
}

#[test]
fn events_are_put_together_however_the_bytes_come() {
    let cases = [
        (": connected\n\n", vec![]),
        ("data: 1\n\n", vec![frame("message", "1")]),
        (
            "event: readings\ndata: {\ndata: }\n\n",
            vec![frame("readings", "{\n}")],
        ),
        (
            "event:a\r\ndata:x\r\n\r\nevent: b\rdata: y\r\r",
            vec![frame("a", "x"), frame("b", "y")],
        ),
        ("id: 7\nretry: 3\nevent: none\n\n", vec![]),
        ("data: unfinished\n", vec![]),
    ];
    for (text, expect) in cases {
        for size in [1, 2, 3, 1000] {
            let mut parser = Parser::default();
            let frames: Vec<Frame> = text
                .as_bytes()
                .chunks(size)
                .flat_map(|part| parser.push(part))
                .collect();
            assert_eq!(frames, expect, "{text:?} in parts of {size}");
        }
    }
}

#[test]
fn a_token_of_two_lines_is_refused_before_anything_is_sent() {
    assert!(matches!(
        Client::new("http://127.0.0.1:1", "a\nb"),
        Err(Error::Token)
    ));
    let client = Client::new("http://127.0.0.1:1/", "abc\n").unwrap();
    assert_eq!(client.url(), "http://127.0.0.1:1");
    assert!(!format!("{client:?}").contains("abc"));
}

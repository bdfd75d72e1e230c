//! Exits, keeps running, or greets its manager: the program that runtimes are tested with. It is
//! built by the tests.

use std::{env, io::Write, os::unix::net::UnixStream, process::exit, thread};

fn main() {
    match env::args().nth(1).as_deref() {
        Some("end") => {
            println!("said on standard output");
            eprintln!("this is the end");
            exit(3)
        }
        Some("greet") => {
            let endpoint = env::var("UTAKATA_ENDPOINT").unwrap_or_default();
            let socket = endpoint.strip_prefix("unix:").unwrap_or_default();
            let token = env::var("UTAKATA_TOKEN").unwrap_or_default();
            match UnixStream::connect(socket) {
                Ok(mut stream) => {
                    let _ = stream.write_all(token.as_bytes());
                    last()
                }
                Err(error) => {
                    eprintln!("{socket}: {error}");
                    exit(4)
                }
            }
        }
        _ => last(),
    }
}

fn last() -> ! {
    loop {
        thread::park();
    }
}

//! The cluster by hand, for `kubectl`.
//!
//! `utakata-kube-for-tests [--port PORT] [--nodes COUNT] [--real-time] [--image REFERENCE=PROGRAM]...`

use std::io::Read as _;

use anyhow::{Context, Result, bail};
use utakata_kube_for_tests::{Cluster, Image, Options, Timing};

fn main() -> Result<()> {
    let mut options = Options::default();
    let mut images = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .with_context(|| format!("{argument} needs a value"))
        };
        match argument.as_str() {
            "--port" => options.port = value()?.parse().context("--port")?,
            "--nodes" => options.nodes = value()?.parse().context("--nodes")?,
            "--real-time" => options.timing = Timing::real(),
            "--image" => images.push(value()?),
            other => bail!("unknown argument {other}"),
        }
    }
    let cluster = Cluster::start_with(options)?;
    for image in images {
        // A digest has none of these, a program may.
        let (reference, program) = image.split_once('=').context("--image REFERENCE=PROGRAM")?;
        cluster.register(reference, Image::program(program));
    }
    println!(
        "ready: export KUBECONFIG={}",
        cluster.kubeconfig().display()
    );
    println!("it ends with the end of standard input");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

//! `utakata worker test`: puts a worker through its protocol.

use std::sync::Arc;

use anyhow::Result;
use serde::Serialize;
use utakata_model::duration;
use utakata_up::programs;
use utakata_worker_sdk::{
    Release,
    harness::{self, Check, CheckResult, Report, host::WorkerHost},
};

use super::{container, source, target};
use crate::{
    commands::{Context, profile::tell_walk},
    exit::{Exit, Usage},
    output::{Cell, Output, Table, Tone},
    progress,
};

pub async fn run(
    source: &source::Arguments,
    target: &target::Target,
    time_scale: f64,
    context: &Context<'_>,
) -> Result<Exit> {
    let opened = source.open().await?;
    let folder = opened.folder();
    let serving = target.serve().await?;
    if let Some(serving) = &serving {
        tell_walk(&serving.walk);
    }
    let example = match Release::read(folder) {
        Ok(release) => target.example(&release.manifest, serving.as_ref())?,
        // The first check reports the mistake.
        Err(_) => None,
    };
    let containers = container::place(folder, source.engine()?).await?;
    if serving.is_some() && containers.is_some() {
        let message = "--walk is answered on the loopback here, which a container does not see: \
                       answer it elsewhere (snmpsim), and give that as --target";
        return Err(Usage(message.into()).into());
    }
    let options = harness::Options {
        programs: programs::folders(),
        host: containers.map(|containers| Arc::new(containers) as Arc<dyn WorkerHost>),
        example,
        time_scale,
        ..harness::Options::default()
    };
    let report = progress::during("trying the worker", harness::check(folder, options)).await;
    let checks: Vec<Line> = report.checks.iter().map(Line::from).collect();
    let output = context.output;
    output.one(&checks, || description(&checks, output))?;
    Ok(exit(&report))
}

fn exit(report: &Report) -> Exit {
    if report.passed() {
        Exit::Done
    } else {
        Exit::Failed
    }
}

/// A check as printed.
#[derive(Debug, Serialize)]
struct Line {
    check: String,
    result: &'static str,
    why: Option<String>,
    took: String,
}

impl From<&Check> for Line {
    fn from(check: &Check) -> Self {
        let (result, why) = match &check.result {
            CheckResult::Passed => ("passed", None),
            CheckResult::Failed(why) => ("failed", Some(why.clone())),
            CheckResult::Skipped(why) => ("skipped", Some(why.clone())),
        };
        Self {
            check: check.name.clone(),
            result,
            why,
            took: duration::format(check.took),
        }
    }
}

fn description(checks: &[Line], output: &Output) -> String {
    let mut table = Table::new(&["RESULT", "CHECK", "TOOK", "WHY"]);
    for line in checks {
        let tone = match line.result {
            "passed" => Tone::Good,
            "failed" => Tone::Bad,
            _ => Tone::Dim,
        };
        table.add(vec![
            Cell::toned(line.result, tone),
            line.check.clone().into(),
            Cell::dim(line.took.clone()),
            line.why.clone().unwrap_or_default().into(),
        ]);
    }
    table.render(output.colours())
}

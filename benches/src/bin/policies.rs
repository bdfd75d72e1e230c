//! Policies: 10,000 instances decided once, thirty days of fifty inputs decided again, and two days of a
//! room of twenty racks that answers; and the time from a reading to the SET of an armed policy.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, ensure};
use clap::Parser;
use jiff::Timestamp;
use utakata_benches::{figures::Figures, prompt};
use utakata_expression::{Call, Inputs, Program, Schema, Type, Unit, Value, VariableSlot};
use utakata_model::{Policy, policy::Mode};
use utakata_policy::{
    Candidate, Compiled, InputView, Purpose, Sample, SampleValue, State, View, decide,
};
use utakata_room::{Blueprint, blueprint::NORTH};
use utakata_trial::Config;

/// Measures decisions of policies.
#[derive(Parser)]
struct Arguments {
    /// Instances that are decided once
    #[arg(long, default_value_t = 10_000)]
    instances: usize,
    /// Days that are decided again, once a minute
    #[arg(long, default_value_t = 30)]
    days: u64,
    /// Hours of the room of twenty racks
    #[arg(long, default_value_t = 48)]
    hours: u64,
    /// Measured runs, after one for warming up
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// SETs of an armed policy, one after the other, against a simulated room
    #[arg(long, default_value_t = 50)]
    singles: usize,
}

/// A policy for each target, with three inputs of its own.
const EACH: &str = r#"{ "name": "each", "for_each": "kind=redfish",
    "watch": {
        "silent": { "silence": true, "fresh": "1m" },
        "watts": { "metric": "hw.power", "relation": "feeds", "aggregate": "sum", "fresh": "2m" },
        "inlet": { "metric": "hw.temperature", "aggregate": "max", "fresh": "2m" } },
    "let": { "share": "watts / 400.0" },
    "when": "silent > duration('10m') && share > 0.1 && inlet < 40.0", "hold": "1m",
    "act": [{ "action": "outlet-cycle", "on": { "relation": "feeds" } }],
    "envelope": { "at_most": ["1 in 10m"] } }"#;

/// A policy with one input of fifty targets.
const FIFTY: &str = r#"{ "name": "fifty",
    "watch": { "load": { "metric": "hw.power", "selector": "kind=apc-pdu", "aggregate": "sum",
        "fresh": "3m", "at_least": "90%" } },
    "let": { "share": "load / 50000.0" },
    "when": "share > 0.9", "until": "share < 0.8", "hold": "2m",
    "act": [{ "action": "outlet-off", "on": { "selector": "tier=batch" },
        "enough": "load - 42000.0", "gives": "hw.power", "at_a_time": 5, "settle": "2m" }],
    "back": { "when": "share < 0.7", "hold": "10m" },
    "envelope": { "at_most": ["40 in 1h"] } }"#;

fn compiled(text: &str) -> Result<Compiled> {
    let policy: Policy = serde_json::from_str(text)?;
    Compiled::new(policy).map_err(|wrong| anyhow!("{wrong:?}"))
}

fn sample(at: usize, value: f64, heard: Timestamp) -> Result<Sample> {
    Ok(Sample {
        target: format!("target-{at}").parse()?,
        value: SampleValue::Number(value),
        heard,
    })
}

fn purpose() -> Purpose<'static> {
    Purpose {
        mode: Mode::Shadow,
        is_ending: false,
        prefix: "policy/bench/1",
    }
}

fn step_all(compiled: &Compiled, instances: usize) -> Result<Duration> {
    let now = Timestamp::now();
    let one = |at| -> Result<InputView> {
        Ok(InputView {
            targets: 1,
            samples: vec![sample(at, 30.0, now)?],
        })
    };
    let views: Result<Vec<View>> = (0..instances)
        .map(|at| {
            Ok(View {
                inputs: vec![one(at)?, one(at)?, one(at)?],
                candidates: vec![Vec::new()],
                ..View::default()
            })
        })
        .collect();
    let views = views?;
    let mut states = vec![State::default(); instances];
    let began = Instant::now();
    for (view, state) in views.iter().zip(&mut states) {
        *state = decide(compiled, view, state, purpose(), now).state;
    }
    Ok(began.elapsed())
}

fn replay(compiled: &Compiled, days: u64) -> Result<(Duration, u64)> {
    const INPUTS: usize = 50;
    let mut now = Timestamp::from_second(1_780_000_000)?;
    let mut view = View {
        inputs: vec![InputView {
            targets: INPUTS,
            samples: (0..INPUTS)
                .map(|at| sample(at, 0.0, now))
                .collect::<Result<_>>()?,
        }],
        candidates: vec![Vec::new()],
        ..View::default()
    };
    for at in 0..100 {
        view.candidates[0].push(Candidate {
            target: format!("batch-{at}").parse()?,
            outlet: None,
            order: None,
            gives: Some(150.0),
            is_free: true,
        });
    }
    let (mut state, mut acts) = (State::default(), 0);
    let began = Instant::now();
    for minute in 0..days * 24 * 60 {
        now += Duration::from_secs(60);
        // A day of load, from 30 to 47 kW.
        #[allow(clippy::cast_precision_loss, reason = "minutes of a month are exact")]
        let phase = (minute % 1440) as f64 / 1440.0 * std::f64::consts::TAU;
        for seen in &mut view.inputs[0].samples {
            seen.value = SampleValue::Number(770.0 + 170.0 * phase.sin());
            seen.heard = now;
        }
        let decided = decide(compiled, &view, &state, purpose(), now);
        acts += u64::from(!decided.acts.is_empty());
        state = decided.state;
    }
    Ok((began.elapsed(), acts))
}

/// Sheds a feed of the room of twenty racks.
const SHED: &str = r#"{ "name": "shed",
    "watch": {
        "load": { "metric": "hw.power", "selector": "kind=apc-pdu,feed=A", "aggregate": "sum",
            "where": { "phase": "*" }, "fresh": "90s", "at_least": "95%" },
        "source": { "metric": "utakata.ups.source", "selector": "name=ups-b", "fresh": "2m" } },
    "let": { "share": "load / 72000.0" },
    "when": "share > 0.90 && source != 'normal'", "until": "share < 0.80", "hold": "15s",
    "act": [{ "action": "outlet-off",
        "on": { "relation": "feeds", "selector": "tier=batch", "from": "feed=A" },
        "parameters": { "outlet": "$outlet" }, "enough": "load - 61200.0", "gives": "hw.power",
        "at_a_time": 10, "settle": "30s" }],
    "back": { "when": "share < 0.7 && source == 'normal'", "hold": "10m", "at_a_time": 5,
        "settle": "1m" },
    "envelope": { "at_most": ["60 in 1h", "20 in 1m"] } }"#;

/// Lets a policy act in the room, and returns how long that took.
fn answer(hours: u64) -> Result<(Duration, u64)> {
    let room = Blueprint::parse(NORTH, "north")?;
    let policies = [serde_json::from_str(SHED)?];
    let config = Config {
        lasts: Duration::from_secs(hours * 3600),
        ..Config::default()
    };
    let began = Instant::now();
    let report = utakata_trial::run(&room, &policies, &[], config)?;
    Ok((began.elapsed(), report.decisions))
}

/// A condition of four terms.
const TERMS: &str = "load > 30000.0 && source != 'normal' && load < 72000.0 && source != 'bypass'";

/// The values that make all of its terms count.
struct Terms;

impl Inputs for Terms {
    fn variable(&self, slot: VariableSlot) -> Value<'_> {
        match slot.0 {
            0 => Value::number(40_000.0),
            _ => Value::Text("battery"),
        }
    }

    fn call(&self, _: &Call) -> Value<'_> {
        Value::Missing
    }
}

/// Returns the number of evaluations of the condition in a second, on one core.
fn evaluate() -> Result<f64> {
    const TIMES: u32 = 1_000_000;
    let schema = Schema::default()
        .variable("load", Type::Number(Unit::of("W")))
        .variable("source", Type::Text);
    let program = Program::condition(TERMS, &schema)?;
    let began = Instant::now();
    for _ in 0..TIMES {
        let holds = black_box(&program).holds(black_box(&Terms));
        ensure!(holds == Some(true), "it does not hold");
    }
    Ok(f64::from(TIMES) / began.elapsed().as_secs_f64())
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.singles > 0 {
        let singles = arguments.singles;
        let milliseconds = prompt::measure(singles).await?;
        println!("a reading heard to the SET on the wire, {singles} times, milliseconds:");
        for share in [0.5, 0.9, 0.99, 1.0] {
            println!(
                "  p{:<4} {:.0}",
                share * 100.0,
                milliseconds.quantile(share)
            );
        }
    }
    let (each, fifty) = (compiled(EACH)?, compiled(FIFTY)?);
    step_all(&each, arguments.instances)?;
    let (mut steps, mut replays, mut acts) = (Figures::default(), Figures::default(), 0);
    let (mut rooms, mut decisions) = (Figures::default(), 0);
    let mut evaluations = Figures::default();
    for _ in 0..arguments.runs {
        evaluations.add(evaluate()? / 1e6);
        steps.add(step_all(&each, arguments.instances)?.as_secs_f64() * 1e3);
        let (lasted, acted) = replay(&fifty, arguments.days)?;
        replays.add(lasted.as_secs_f64() * 1e3);
        acts = acted;
        let (lasted, decided) = answer(arguments.hours)?;
        rooms.add(lasted.as_secs_f64() * 1e3);
        decisions = decided;
    }
    println!("a condition of four terms, million times a second and core: {evaluations}");
    println!(
        "{} instances decided once, ms: {steps}",
        arguments.instances
    );
    let days = arguments.days;
    println!("{days} days of 50 inputs at 1 min decided, {acts} acts, ms: {replays}");
    let hours = arguments.hours;
    println!("{hours} h of a room of 20 racks, twice, {decisions} decisions, ms: {rooms}");
    Ok(())
}

//! `utakata why`: what a target depends on, each with its state.

use std::collections::BTreeSet;

use anyhow::Result;
use clap::Args;
use utakata_api::relation::{Topology, TopologyEdge, TopologyNode};
use utakata_model::TargetName;

use super::Context;
use crate::{exit::Exit, output::words};

/// The number of targets that are listed as depending on it.
const BELOW: usize = 20;

#[derive(Debug, Args)]
#[command(after_help = "\
It walks upward by what feeds, reaches, cools and contains the target. Relations are documents
(type: relation); where there are none, the labels feed, rack and room give the obvious ones, which
are marked (by labels).

Examples:
  utakata why bmc-b07-12
  utakata why bmc-b07-12 -o json")]
pub struct Arguments {
    /// Name of the target
    #[arg(value_name = "TARGET")]
    name: TargetName,
}

pub async fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Exit> {
    let topology = context.client()?.topology(&arguments.name).await?;
    context.output.one(&topology, || page(&topology))?;
    Ok(Exit::Done)
}

fn page(topology: &Topology) -> String {
    let mut tree = Tree {
        topology,
        lines: Vec::new(),
        shown: BTreeSet::new(),
    };
    tree.node(&topology.around, 0, "");
    let below: Vec<&TopologyEdge> = topology
        .edges
        .iter()
        .filter(|edge| edge.from == topology.around)
        .collect();
    if !below.is_empty() {
        tree.lines.push(String::new());
    }
    for edge in below.iter().take(BELOW) {
        let verb = edge.relation.as_str();
        let line = format!("{verb} {}{}", edge.to, tree.state(&edge.to));
        tree.lines.push(line);
    }
    if below.len() > BELOW {
        tree.lines.push(format!("and {} more", below.len() - BELOW));
    }
    tree.lines.join("\n")
}

struct Tree<'t> {
    topology: &'t Topology,
    lines: Vec<String>,
    shown: BTreeSet<&'t TargetName>,
}

impl<'t> Tree<'t> {
    fn node(&mut self, name: &'t TargetName, depth: usize, how: &str) {
        let indent = "  ".repeat(depth);
        let is_new = self.shown.insert(name);
        let state = match is_new {
            true => self.state(name),
            false => " (see above)".into(),
        };
        self.lines.push(format!("{indent}{how}{name}{state}"));
        if !is_new {
            return;
        }
        if let Some(node) = self.find(name) {
            for alarm in &node.alarms {
                let line = format!("{indent}    {}: {}", alarm.severity.as_str(), alarm.text);
                self.lines.push(line);
            }
            if !node.places.is_empty() {
                self.lines
                    .push(format!("{indent}    in {}", node.places.join(", ")));
            }
        }
        let above = self.topology.edges.iter().filter(|edge| edge.to == *name);
        for edge in above.collect::<Vec<_>>() {
            self.node(&edge.from, depth + 1, &how_of(edge));
        }
    }

    fn find(&self, name: &TargetName) -> Option<&'t TopologyNode> {
        self.topology.nodes.iter().find(|node| node.target == *name)
    }

    fn state(&self, name: &TargetName) -> String {
        let Some(node) = self.find(name) else {
            return String::new();
        };
        let health = words::health(node.health).text;
        let problem = node
            .problem
            .as_deref()
            .map(|problem| format!(": {problem}"));
        format!(" [{health}{}]", problem.unwrap_or_default())
    }
}

fn how_of(edge: &TopologyEdge) -> String {
    let verb = edge.relation.passive();
    let outlet = edge
        .outlet
        .as_deref()
        .map(|outlet| match &edge.outlet_state {
            Some(state) => format!("outlet {outlet} ({state}) of "),
            None => format!("outlet {outlet} of "),
        });
    let derived = match edge.derived {
        true => " (by labels)",
        false => "",
    };
    format!("{verb}{derived} {}", outlet.unwrap_or_default())
}

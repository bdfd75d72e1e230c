//! `utakata get`: shows things.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;
use utakata_api::{
    Client, alarm::AlarmRuleView, apply::Document, client::ReadingQuery, inventory::KindView,
};
use utakata_documents::write;
use utakata_model::{Kind, Selector, suggest};

use super::{Context, kind, operation, target};
use crate::{
    exit::{Exit, Usage},
    output::{Format, Row},
    progress, select,
};

#[derive(Debug, Args)]
#[command(after_help = "\
-o yaml prints targets, schedules, credentials, relations, alarm rules and floors as documents that
`utakata apply` accepts: as declared, without observations, and credentials with their keys only,
since the values are never given out. -o json prints everything.

Examples:
  utakata get targets
  utakata get targets -l 'rack in (A1,A2),feed=A'
  utakata get target pdu-a1-a -o yaml
  utakata get targets -o yaml > targets.yaml; utakata apply -f targets.yaml
  utakata get targets -l room=north -o csv > north.csv
  utakata get readings pdu-a1-a --metric hw.power
  utakata get kinds")]
pub struct Arguments {
    /// Type of the things to show
    #[arg(value_enum, value_name = "TYPE")]
    what: What,
    /// Only the one with this name (of readings: those of this target)
    name: Option<String>,
    /// Only the targets of this selector: kind=apc-pdu,rack in (A1,A2),!retired
    #[arg(short = 'l', long)]
    selector: Option<String>,
    /// Only metrics that are this or begin with it (readings)
    #[arg(long, value_name = "PREFIX")]
    metric: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Targets, which are observed and controlled
    #[value(alias = "target")]
    Targets,
    /// Schedules, by which targets are observed
    #[value(alias = "schedule")]
    Schedules,
    /// Credentials that give workers access, without their secrets
    #[value(alias = "credential")]
    Credentials,
    /// Relations: what feeds, reaches, cools and contains what
    #[value(alias = "relation")]
    Relations,
    /// Alarm rules: those of this site, and those that come with utakata
    #[value(alias = "alarm-rule")]
    AlarmRules,
    /// Envelopes, and how much of each limit is used
    #[value(alias = "envelope")]
    Envelopes,
    /// Policies, and what they do now
    #[value(alias = "policy")]
    Policies,
    /// Floors: where the racks of rooms are
    #[value(alias = "floor")]
    Floors,
    /// Kinds of devices that an environment can talk to
    #[value(alias = "kind")]
    Kinds,
    /// Latest readings
    #[value(alias = "reading")]
    Readings,
    /// Operations, newest first
    #[value(alias = "operation")]
    Operations,
}

pub async fn run(arguments: Arguments, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    if arguments.selector.is_some() && !matches!(arguments.what, What::Targets | What::Readings) {
        bail!(Usage(
            "--selector goes with targets and readings only".into()
        ));
    }
    match arguments.what {
        What::Targets => targets(&client, &arguments, context).await?,
        What::Schedules => schedules(&client, &arguments, context).await?,
        What::Credentials => credentials(&client, &arguments, context).await?,
        What::Relations => relations(&client, context).await?,
        What::AlarmRules => alarm_rules(&client, &arguments, context).await?,
        What::Envelopes => envelopes(&client, &arguments, context).await?,
        What::Policies => policies(&client, &arguments, context).await?,
        What::Floors => floors(&client, &arguments, context).await?,
        What::Kinds => kinds(&client, &arguments, context).await?,
        What::Readings => readings(&client, &arguments, context).await?,
        What::Operations => operations(&client, &arguments, context).await?,
    }
    Ok(Exit::Done)
}

async fn targets(client: &Client, arguments: &Arguments, context: &Context<'_>) -> Result<()> {
    let selector = match &arguments.name {
        Some(name) => Selector::name(&client.target(&name.parse()?).await?.target.name),
        None => selector(arguments)?,
    };
    let output = context.output;
    match (output.format, &arguments.name) {
        (Format::Yaml, _) => {
            let found = progress::during("fetching targets", client.targets(&selector)).await?;
            let documents = found.into_iter().map(|view| Document::Target(view.target));
            output.text(&write::yaml(documents)?)
        }
        (Format::Table | Format::Json, Some(name)) => {
            one(context, &client.target(&name.parse()?).await?)
        }
        (Format::Table | Format::Json | Format::Csv, _) => {
            let text = selector.to_string();
            target::list(Some(&text), &[], context).await
        }
    }
}

async fn schedules(client: &Client, arguments: &Arguments, context: &Context<'_>) -> Result<()> {
    let found = match &arguments.name {
        Some(name) => vec![client.schedule(&name.parse()?).await?],
        None => client.schedules().await?,
    };
    if context.output.format == Format::Yaml {
        let documents = found.into_iter().map(Document::Schedule);
        return context.output.text(&write::yaml(documents)?);
    }
    match (&arguments.name, found.first()) {
        (Some(_), Some(found)) => one(context, found),
        _ => {
            let empty = "there are no schedules: targets are read on demand only";
            context.output.list(&found, empty)
        }
    }
}

async fn credentials(client: &Client, arguments: &Arguments, context: &Context<'_>) -> Result<()> {
    let found = match &arguments.name {
        Some(name) => vec![client.credential(&name.parse()?).await?],
        None => client.credentials().await?,
    };
    if context.output.format == Format::Yaml {
        let documents = found.iter().map(write::Credential::from);
        return context.output.text(&write::yaml(documents)?);
    }
    match (&arguments.name, found.first()) {
        (Some(_), Some(found)) => one(context, found),
        _ => context.output.list(&found, "there are no credentials"),
    }
}

async fn relations(client: &Client, context: &Context<'_>) -> Result<()> {
    let found = client.relations().await?;
    if context.output.format == Format::Yaml {
        let documents = found
            .into_iter()
            .map(|view| Document::Relation(view.relation));
        return context.output.text(&write::yaml(documents)?);
    }
    let empty = "no relations are declared: labels give the obvious ones, see `utakata why TARGET`";
    context.output.list(&found, empty)
}

/// As documents, those of this site only: what comes with utakata needs no document.
async fn alarm_rules(client: &Client, arguments: &Arguments, context: &Context<'_>) -> Result<()> {
    let found = match &arguments.name {
        Some(name) => vec![client.alarm_rule(&name.parse()?).await?],
        None => client.alarm_rules().await?,
    };
    if context.output.format == Format::Yaml {
        let is_shown = |view: &AlarmRuleView| arguments.name.is_some() || !view.shipped;
        let own: Vec<AlarmRuleView> = found.into_iter().filter(is_shown).collect();
        if own.is_empty() {
            tell!(
                "this site has no alarm rule of its own; those that come with utakata need no document"
            );
        }
        let own = own.into_iter();
        let documents = own.map(|view| Document::Alarm(Box::new(view.rule)));
        return context.output.text(&write::yaml(documents)?);
    }
    match (&arguments.name, found.first()) {
        (Some(_), Some(found)) => one(context, found),
        _ => context.output.list(&found, "there are no alarm rules"),
    }
}

async fn envelopes(client: &Client, arguments: &Arguments, context: &Context<'_>) -> Result<()> {
    let found = match &arguments.name {
        Some(name) => vec![client.envelope(&name.parse()?).await?],
        None => client.envelopes().await?,
    };
    if context.output.format == Format::Yaml {
        let documents = found.into_iter();
        let documents = documents.map(|view| Document::Envelope(Box::new(view.envelope)));
        return context.output.text(&write::yaml(documents)?);
    }
    context.output.list(&found, "there is no envelope")
}

async fn policies(client: &Client, arguments: &Arguments, context: &Context<'_>) -> Result<()> {
    let found = match &arguments.name {
        Some(name) => vec![client.policy(&name.parse()?).await?],
        None => client.policies().await?,
    };
    if context.output.format == Format::Yaml {
        let documents = found.into_iter();
        let documents = documents.map(|view| Document::Policy(Box::new(view.policy)));
        return context.output.text(&write::yaml(documents)?);
    }
    context.output.list(&found, "there is no policy")
}

async fn floors(client: &Client, arguments: &Arguments, context: &Context<'_>) -> Result<()> {
    let found = match &arguments.name {
        Some(name) => vec![client.floor(&name.parse()?).await?],
        None => client.floors().await?,
    };
    if context.output.format == Format::Yaml {
        let documents = found.into_iter();
        let documents = documents.map(|floor| Document::Floor(Box::new(floor)));
        return context.output.text(&write::yaml(documents)?);
    }
    match (&arguments.name, found.first()) {
        (Some(_), Some(found)) => one(context, found),
        _ => {
            let empty = "no floor is drawn: rooms are laid out from the labels of their targets";
            context.output.list(&found, empty)
        }
    }
}

async fn kinds(client: &Client, arguments: &Arguments, context: &Context<'_>) -> Result<()> {
    let kinds = client.kinds().await?;
    match &arguments.name {
        Some(name) => {
            let view = served(&kinds, name)?;
            let colours = context.output.colours();
            context.output.one(view, || {
                let table = context.output.table_of(std::slice::from_ref(view));
                let actions = kind::actions::all(view, colours);
                format!("{}\n\n{actions}", table.render(colours))
            })
        }
        None => {
            let empty = "no kind is served yet: see `utakata worker list`";
            context.output.list(&kinds, empty)?;
            if context.output.format == Format::Table && !kinds.is_empty() {
                tell!("the parameters of the actions of a kind: `utakata get kind KIND`");
            }
            Ok(())
        }
    }
}

fn served<'a>(kinds: &'a [KindView], name: &str) -> Result<&'a KindView> {
    let name: Kind = name.parse()?;
    let found = kinds.iter().find(|view| view.kind == name);
    found.ok_or_else(|| {
        let hint = suggest::hint(name.as_str(), kinds.iter().map(|view| view.kind.as_str()));
        anyhow::anyhow!("no environment serves the kind \"{name}\": {hint}")
    })
}

async fn readings(client: &Client, arguments: &Arguments, context: &Context<'_>) -> Result<()> {
    let selector = match &arguments.name {
        Some(name) => select::resolve(client, name).await?,
        None => selector(arguments)?,
    };
    let query = ReadingQuery {
        selector,
        metric: arguments.metric.clone(),
    };
    let found = progress::during("fetching readings", client.readings(&query)).await?;
    let empty = "nothing was seen of that yet: `utakata read SELECTOR` reads now";
    context.output.list(&found, empty)
}

async fn operations(client: &Client, arguments: &Arguments, context: &Context<'_>) -> Result<()> {
    match &arguments.name {
        Some(id) => operation::show(client, id.parse()?, context).await,
        None => operation::list(client, operation::MAX_LISTED, context).await,
    }
}

fn selector(arguments: &Arguments) -> Result<Selector> {
    select::parse(arguments.selector.as_deref().unwrap_or_default())
}

/// Shows one thing: a table of one line.
fn one<T: Row + Serialize>(context: &Context<'_>, item: &T) -> Result<()> {
    context.output.one(item, || {
        let mut table = crate::output::Table::new(T::HEADERS);
        table.add(item.cells());
        table.render(context.output.colours())
    })
}

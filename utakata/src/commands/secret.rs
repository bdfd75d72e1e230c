//! `utakata secret`: the key that seals secrets in the store.

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;
use utakata_api::secret::SecretsView;
use utakata_logic::secrets::add_key;
use utakata_up::paths;

use super::Context;
use crate::{exit::Exit, output::words};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the key that seals secrets in the store: its name and its file, never the key
    #[command(after_help = "Example: utakata secret show")]
    Show,
    /// Seal all secrets in the store with a new key, while everything runs
    #[command(after_help = "\
Where the file of keys is that of the data directory, the new key is made and put into it. Where it
is not, or several logic environments share the store, add a key first and copy the file to all:

  utakata secret key /etc/utakata/site.key
  utakata secret rotate

Older keys stay in the file, because they open older backups. Keep a copy of the file apart from the
backups.")]
    Rotate,
    /// Have the keys that Vault holds wrapped by the latest version of its key
    #[command(after_help = "\
After the key of Vault was rotated (`vault write -f transit/keys/NAME/rotate`): the secrets stay
sealed as they are, and Vault needs no earlier version of its key any more, but for older backups.

Example: utakata secret rewrap")]
    Rewrap,
    /// Add a new key to a file of keys, which is made if it does not exist; needs no server
    #[command(after_help = "\
Keep a copy of the file apart from the backups of the store: without it the secrets in them are
lost, and with both anybody can read them.

Example: utakata secret key /etc/utakata/site.key")]
    Key {
        /// The file of keys
        #[arg(value_parser = paths::absolute())]
        file: PathBuf,
    },
}

pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    match command {
        Command::Show => {
            let secrets = context.client()?.secrets().await?;
            context.output.one(&secrets, || text(&secrets))?;
        }
        Command::Rotate => {
            let secrets = context.client()?.rotate_secrets().await?;
            context.output.one(&secrets, || text(&secrets))?;
            if secrets.wrapped.is_none() {
                tell!("keep a copy of the file apart from the backups");
            }
        }
        Command::Rewrap => {
            let secrets = context.client()?.rewrap_secrets().await?;
            context.output.one(&secrets, || text(&secrets))?;
        }
        Command::Key { file } => {
            let key = add_key(&file)?;
            tell!("the newest key in {} is {key}", file.display());
        }
    }
    Ok(Exit::Done)
}

fn text(secrets: &SecretsView) -> String {
    let SecretsView {
        key,
        file,
        credentials,
        ..
    } = secrets;
    let since = words::ago(secrets.since);
    let left = match secrets.is_scrubbed {
        true => "",
        false => {
            "\nsecrets from before may be left in the files of the store; the next start tries \
             again to remove them"
        }
    };
    let place = match secrets.wrapped {
        Some(_) => "Vault",
        None => "file",
    };
    let trail = secrets.trail_key.as_deref().unwrap_or("none");
    let messages = secrets.message_key.as_deref().unwrap_or("none");
    format!(
        "key          {key}, used since {since}\n{place:<12} {file}\ncredentials  {credentials}, \
         all sealed with it\ntrail_key    {trail}\nmessage_key  {messages}{left}"
    )
}

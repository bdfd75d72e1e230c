//! Paths of a configuration, made absolute.

use std::{io, path::PathBuf};

use utakata_interconnect::connection::Tls;

use super::Config;

impl Config {
    /// Makes every path absolute. Relative paths, including those in the file, are relative to the
    /// working directory.
    ///
    /// # Errors
    /// A path is empty, or the working directory no longer exists.
    pub(super) fn make_absolute(&mut self) -> io::Result<()> {
        let tls = [
            self.interconnect.amqp.as_mut().map(|amqp| &mut amqp.tls),
            self.interconnect.mqtt.as_mut().map(|mqtt| &mut mqtt.tls),
        ];
        let tls = tls.into_iter().flatten().flat_map(of_tls);
        let execution = &mut self.execution;
        let optional = [
            &mut self.logic.http.token_file,
            &mut self.logic.secrets.key_file,
            &mut self.logic.environments.join_file,
            &mut self.logic.login.client_secret_file,
            &mut self.logic.login.ca,
            &mut self.logic.vault.ca,
            &mut self.logic.vault.token_file,
            &mut self.logic.vault.approle.secret_id_file,
            &mut self.logic.alarms.mail.ca,
            &mut self.logic.http.tls.certificate,
            &mut self.logic.http.tls.key,
            &mut self.logic.http.tls.ca,
            &mut execution.run_folder,
            &mut execution.state_folder,
            &mut execution.join_file,
            &mut execution.kubernetes.kubeconfig,
        ];
        let lists = [
            &mut execution.releases,
            &mut execution.programs,
            &mut execution.trust.keys,
            &mut execution.confinement.execute,
            &mut execution.confinement.read,
            &mut execution.confinement.write,
        ];
        optional
            .into_iter()
            .flatten()
            .chain(lists.into_iter().flatten())
            .chain([
                &mut execution.docker.socket,
                &mut self.logic.vault.kubernetes.token_file,
            ])
            .chain(tls)
            .try_for_each(|path| {
                *path = std::path::absolute(&path)?;
                Ok(())
            })
    }
}

fn of_tls(tls: &mut Tls) -> impl Iterator<Item = &mut PathBuf> {
    [&mut tls.ca, &mut tls.certificate, &mut tls.key]
        .into_iter()
        .flatten()
}

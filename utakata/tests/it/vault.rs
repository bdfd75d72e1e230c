//! Vault, by the program: a start that waits, and a password that it alone has.

use serde_json::json;
use utakata_tests::{servers::VaultServer, wait::until};

use crate::{
    program::Place,
    secrets::{PLANTED, look, release, with_secret},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_vault_waits_says_why_and_goes_on() {
    let server = VaultServer::start().await.unwrap();
    server.make_key("utakata");
    server.put("secret/safe", json!({ "password": PLANTED }));
    server.seal(true);
    let place = Place::new();
    let token = place.file("vault.token", &server.root());
    let config = format!(
        "[logic.vault]\nurl = \"{}\"\ntoken_file = \"{}\"\ntransit_key = \"utakata\"\n",
        server.url(),
        token.display()
    );
    let config = place.file("utakata.toml", &config);
    let config = config.display().to_string();
    let ports = ["--listen", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"];
    let role = place.role(&[&["up", "--config", &config][..], &ports].concat());
    // It waits, and says so to whoever asks.
    let sealed = format!("Vault at {} is sealed", server.url());
    until("the reason is shown", async || {
        place.run(&["status"]).err.contains(&sealed)
    })
    .await;
    let status = place.run(&["status"]);
    assert_ne!(status.code, 0);
    assert!(
        status.err.contains("vault operator unseal"),
        "{}",
        status.err
    );
    let doctor = place.run(&["doctor"]);
    assert!(doctor.out.contains(&sealed), "{}{}", doctor.out, doctor.err);
    assert!(!place.data().join("site.key").exists());

    server.seal(false);
    until("it goes on by itself", async || {
        place.run(&["status"]).code == 0
    })
    .await;
    release(&place.data());
    place.until_served("keeper");
    let documents = "type: credential\nname: safe\nvalues: { password: { vault: \"secret/safe#password\" } }\n\
         ---\ntype: target\nname: x\nkind: keeper\naddress: 127.0.0.1:9\ncredential: safe\n";
    let applied = place.run_with(&["apply", "-f", "-"], documents);
    assert_eq!(applied.code, 0, "{}", applied.err);
    look(&place);
    let shown = place.json(&["secret", "show"]);
    assert!(
        shown["wrapped"].as_str().unwrap().starts_with("vault:v1:"),
        "{shown}"
    );
    server.rotate_key("utakata");
    let rewrapped = place.json(&["secret", "rewrap"]);
    assert!(
        rewrapped["wrapped"]
            .as_str()
            .unwrap()
            .starts_with("vault:v2:"),
        "{rewrapped}"
    );
    role.stop();
    assert!(!place.data().join("site.key").exists());
    assert_eq!(with_secret(&place.data()), [] as [std::path::PathBuf; 0]);
    assert!(!place.told().contains(PLANTED), "{}", place.told());
}

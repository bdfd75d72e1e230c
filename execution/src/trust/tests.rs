use std::process::Command;

use super::*;

/// Keys made by the real openssl.
fn openssl(folder: &Path, name: &str, algorithm: &str) -> (PathBuf, PathBuf) {
    let (secret, public) = (folder.join(name), folder.join(format!("{name}.pub")));
    let run = |arguments: &[&str]| {
        let status = Command::new("openssl").args(arguments).output().unwrap();
        assert!(status.status.success(), "{status:?}");
    };
    let (from, to) = (secret.to_str().unwrap(), public.to_str().unwrap());
    run(&["genpkey", "-algorithm", algorithm, "-out", from]);
    run(&["pkey", "-in", from, "-pubout", "-out", to]);
    (secret, public)
}

fn digest(text: &str) -> ReleaseDigest {
    ReleaseDigest(text.into())
}

#[test]
fn a_release_that_is_signed_with_a_key_of_openssl_is_admitted_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (secret, public) = openssl(folder.path(), "ours", "ed25519");
    let (strange, _) = openssl(folder.path(), "strange", "ed25519");
    let (secret, strange) = (secret_key(&secret).unwrap(), secret_key(&strange).unwrap());
    let config = config::Trust {
        keys: vec![public],
        bundled: true,
    };
    let trust = Trust::load(&config, &[folder.path().join("bundled")]).unwrap();
    let text = |signatures: Vec<Signature>| toml::to_string(&Signatures { signatures }).unwrap();
    let ours = sign(&secret, &digest("d"));
    let other = sign(&secret, &digest("e"));
    let stranger = sign(&strange, &digest("d"));
    let forged = Signature {
        key: ours.key.clone(),
        ..stranger.clone()
    };
    for (signatures, expect) in [
        (Some(text(vec![ours.clone()])), None),
        (Some(text(vec![stranger.clone(), ours.clone()])), None),
        (Some(text(vec![forged.clone(), ours])), None),
        (None, Some("release-unsigned")),
        (Some(text(vec![])), Some("release-unsigned")),
        (Some(text(vec![stranger])), Some("release-signature")),
        (Some(text(vec![other])), Some("release-signature")),
        (Some(text(vec![forged])), Some("release-signature")),
        (Some("signature = 3".into()), Some("release-signature")),
    ] {
        let checked = trust.check(&digest("d"), signatures.as_deref().map(str::as_bytes));
        let code = checked.err().map(|problem| problem.code);
        assert_eq!(code.as_deref(), expect, "{signatures:?}");
    }
    let bundled = folder.path().join("bundled/echo");
    assert_eq!(trust.check_folder(&bundled, &digest("d")), Ok(()));
    let strict = config::Trust {
        bundled: false,
        ..config
    };
    let trust = Trust::load(&strict, &[folder.path().join("bundled")]).unwrap();
    assert!(trust.check_folder(&bundled, &digest("d")).is_err());
    let open = Trust::default();
    assert_eq!(open.check(&digest("d"), None), Ok(()));
}

#[test]
fn openssl_itself_verifies_what_is_signed_and_names_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let (secret, public) = openssl(folder.path(), "key", "ed25519");
    let signature = sign(&secret_key(&secret).unwrap(), &digest("abc"));
    let file = |name: &str| folder.path().join(name);
    fs::write(file("text"), "utakata release abc\n").unwrap();
    fs::write(
        file("signature"),
        BASE64_STANDARD.decode(&signature.ed25519).unwrap(),
    )
    .unwrap();
    let mut verify = Command::new("openssl");
    verify.args(["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey"]);
    verify.arg(&public).arg("-in").arg(file("text"));
    let verified = verify
        .arg("-sigfile")
        .arg(file("signature"))
        .output()
        .unwrap();
    assert!(verified.status.success(), "{verified:?}");
    let der = Command::new("openssl")
        .args(["pkey", "-pubin", "-outform", "DER", "-in"])
        .arg(&public)
        .output()
        .unwrap();
    assert_eq!(key_id(&der.stdout), signature.key);
}

#[test]
fn what_is_not_a_key_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let (rsa, rsa_public) = openssl(folder.path(), "rsa", "rsa");
    let (secret, public) = openssl(folder.path(), "key", "ed25519");
    let kind = |error: Error| match error {
        Error::Key { source, .. } => Some(source),
        Error::Read { .. } => None,
    };
    let of = |path: &Path| public_key(path).err().and_then(kind);
    assert_eq!(of(&public), None);
    assert_eq!(of(&rsa_public), Some(KeyError::Kind));
    assert_eq!(
        of(&secret),
        Some(KeyError::Pem {
            label: "PUBLIC KEY"
        })
    );
    let of = |path: &Path| secret_key(path).err().and_then(kind);
    assert_eq!(of(&rsa), Some(KeyError::Kind));
    assert_eq!(
        of(&public),
        Some(KeyError::Pem {
            label: "PRIVATE KEY"
        })
    );
    assert!(matches!(
        secret_key(&folder.path().join("none")),
        Err(Error::Read { .. })
    ));
}

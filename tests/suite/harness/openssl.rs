//! Keys and certificates, made by openssl.

use std::{path::Path, process::Command, sync::OnceLock};

/// Runs openssl in a folder; what it prints.
pub(crate) fn openssl(dir: &Path, args: &str) -> String {
    let output = Command::new("openssl").args(args.split(' ')).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "openssl {args}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A private key in PKCS#8 and its public key, made once.
pub(crate) fn key_pair() -> &'static (String, String) {
    static PAIR: OnceLock<(String, String)> = OnceLock::new();
    PAIR.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        openssl(dir.path(), "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem");
        let private = std::fs::read_to_string(dir.path().join("key.pem")).unwrap();
        (private, openssl(dir.path(), "pkey -in key.pem -pubout"))
    })
}

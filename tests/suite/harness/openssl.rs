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

/// A private certificate authority, a server's certificate of it for `localhost`, and a client's.
pub(crate) struct Authority(tempfile::TempDir);

impl Authority {
    pub(crate) fn new() -> Self {
        const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        let dir = tempfile::tempdir().unwrap();
        let openssl = |args: &str| drop(openssl(dir.path(), args));
        std::fs::write(dir.path().join("names"), "subjectAltName=DNS:localhost").unwrap();
        openssl(&format!("req -x509 {KEY} -days 2 -subj /CN=tests -keyout ca.key -out ca.pem"));
        for (file, name) in [("server", "localhost"), ("client", "sobjectd-client")] {
            openssl(&format!("req {KEY} -subj /CN={name} -keyout {file}.key -out {file}.csr"));
            let signed = "-CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names";
            openssl(&format!("x509 -req -in {file}.csr {signed} -out {file}.pem"));
        }
        Self(dir)
    }

    /// The path of `ca.pem`, or of `server` or `client` with `.pem` or `.key`.
    pub(crate) fn file(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// The path of such a file as a secret in TOML.
    pub(crate) fn secret(&self, name: &str) -> String {
        format!("{{ file = '{}' }}", self.file(name))
    }
}

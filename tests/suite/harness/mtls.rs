//! A provider that asks for certificates, the CA that vouches for its clients, and clients that show theirs.

use std::path::PathBuf;

use super::certificates::{Authority, Leaf};
use super::{App, Provider};

pub struct Mtls {
    pub provider: Provider,
    /// Where it asks for certificates.
    pub base: String,
    /// Vouches for clients.
    pub authority: Authority,
    /// Vouches for the server.
    pub server: Authority,
    folder: PathBuf,
}

impl Drop for Mtls {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Mtls {
    pub async fn start(more: &[(&str, &str)]) -> Self {
        let port = super::port::free();
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("mtls-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (authority, server) = (Authority::new("Clients CA"), Authority::new("Server CA"));
        let leaf = server.server("localhost");
        let files = ["cert.pem", "key.pem", "clients.pem"].map(|name| folder.join(name).to_str().unwrap().to_owned());
        for (file, pem) in files.iter().zip([leaf.pem(), leaf.key_pem(), authority.pem()]) {
            std::fs::write(file, pem).unwrap();
        }
        let (listen, base) = (format!("127.0.0.1:{port}"), format!("https://localhost:{port}"));
        let mut settings = vec![
            ("TLS_CERT", files[0].as_str()),
            ("TLS_KEY", &files[1]),
            ("CLIENT_CA", &files[2]),
            ("MTLS_LISTEN", &listen),
            ("MTLS_URL", &base),
        ];
        settings.extend(more);
        let provider = Provider::start_with(&settings).await;
        Self { provider, base, authority, server, folder }
    }

    /// The same app at the port that asks, showing this certificate, and besides what stands between it and a CA.
    pub fn showing(&self, app: &App, leaf: Option<&Leaf>, between: &[&Authority]) -> App {
        let root = reqwest::Certificate::from_pem(&self.server.pem()).unwrap();
        let mut http = reqwest::Client::builder().add_root_certificate(root);
        if let Some(leaf) = leaf {
            let mut chain = leaf.pem();
            for one in between {
                chain.extend(one.pem());
            }
            http = http.identity(reqwest::Identity::from_pkcs8_pem(&chain, &leaf.key_pem()).unwrap());
        }
        App { base: self.base.clone(), http: http.build().unwrap(), ..app.clone() }
    }
}

//! Software that has never heard of us, and a person at a real browser: password, code, consent, and back at the app.

mod desk;
mod logout;
mod party;
mod proof;
mod registration;
mod strangers;
mod suite_files;
mod voice_agent;

use std::path::{Path, PathBuf};
use std::process::Command;

use countersign::model::client::{AuthMethod, ConsentRule};

use crate::harness::app::registration;
use crate::harness::authenticator::Authenticator;
use crate::harness::browser::Browser;
use crate::harness::{App, Company, Person, Provider};

/// Where a relying party of this test listens.
struct Place {
    port: u16,
}

impl Place {
    fn free() -> Self {
        Self { port: crate::harness::port::free() }
    }

    fn home(&self) -> String {
        format!("http://localhost:{}/", self.port)
    }

    fn callback(&self) -> String {
        format!("{}callback", self.home())
    }
}

/// A company, its admin with an authenticator app, and the company's own client.
struct Scene {
    provider: Provider,
    company: Company,
    admin: Person,
    authenticator: Authenticator,
    app: App,
    place: Place,
}

impl Scene {
    async fn with(method: AuthMethod) -> Self {
        let provider = Provider::start().await;
        let (company, admin) = provider.company("TechCorp").await;
        let authenticator = provider.second_factor(&admin).await;
        let place = Place::free();
        let (mut client, secret) = registration(method, Some(company.id));
        client.consent = ConsentRule::Ask;
        client.redirect_uris = vec![place.callback()];
        client.post_logout_redirect_uris = vec![place.home()];
        let app = provider.register((client, secret)).await;
        Self { provider, company, admin, authenticator, app, place }
    }

    /// From the sign-in page to the app: password, code, consent.
    async fn sign_in(&self, browser: &Browser) {
        browser.fill("#email", &self.admin.email).await;
        browser.fill("#password", &self.admin.password).await;
        browser.click("#login").await;
        let code = self.authenticator.code(&self.provider);
        browser.fill("#code", &code).await;
        browser.click("#verify").await;
        let question = browser.text().await;
        assert!(question.contains("Voice Desk wants to act for you at TechCorp"), "{question}");
        browser.click("#allow").await;
    }
}

/// Where the relying parties of strangers are.
fn conformance() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")
}

/// A relying party for Node.
fn node(script: &str) -> Command {
    let folder = conformance().join("node");
    installed(&folder.join("node_modules"));
    // A newer one lies here where the system's is too old.
    let own = folder.join("runtime/node_modules/node/bin/node");
    let program = if own.exists() { own } else { "node".into() };
    party(Command::new(program), script, &folder)
}

/// A relying party for Python.
fn python(script: &str) -> Command {
    let folder = conformance().join("python");
    let program = folder.join(".venv/bin/python");
    installed(&program);
    party(Command::new(program), script, &folder)
}

/// It knows only what it is told: nothing from the environment of the test may change what it does.
fn party(mut command: Command, script: &str, folder: &Path) -> Command {
    command.arg(script).current_dir(folder).env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

fn installed(path: &Path) {
    assert!(path.exists(), "{} is not there: `make test` installs it", path.display());
}

//! `countersign client`: registers relying parties. A secret is shown once, when it is made.

use clap::{Args, Subcommand};
use url::Url;

use super::{company, reach};
use crate::domain::house::House;
use crate::model::client::{AuthMethod, Client, ConsentRule, Metadata, Profile};
use crate::model::error::{Error, Result};
use crate::model::event::Event;
use crate::model::scope::{KNOWN, Scopes};
use crate::model::secret::Secret;
use crate::storage::client;

/// What can be done with them.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Show every client.
    List,
    /// Register a client; prints its id, and its secret where it has one.
    Create(New),
    /// Replace the redirect URIs of a client.
    RedirectUris {
        /// The client's id.
        id: String,
        /// Each exactly as the client will send it.
        #[arg(required = true)]
        uris: Vec<String>,
    },
    /// Make a new secret; the old one is void at once.
    RotateSecret {
        /// The client's id.
        id: String,
    },
    /// Switch a client off.
    Disable {
        /// The client's id.
        id: String,
    },
    /// Switch it on again.
    Enable {
        /// The client's id.
        id: String,
    },
}

/// A client to register.
#[derive(Debug, Args)]
pub struct New {
    /// What people read on the consent page.
    name: String,
    /// Each exactly as the client will send it.
    #[arg(long = "redirect-uri")]
    redirect_uris: Vec<String>,
    /// Where people may be sent after they signed out.
    #[arg(long = "post-logout-redirect-uri")]
    post_logout_redirect_uris: Vec<String>,
    /// A public client (an app, a single-page app): no secret, PKCE required.
    #[arg(long)]
    public: bool,
    /// The slug of the company that owns it; without one it is the platform's and serves every company.
    #[arg(long)]
    company: Option<String>,
    /// Do not ask people for consent; for the platform's own clients.
    #[arg(long)]
    skip_consent: bool,
}

/// Does it.
pub async fn run(action: Action) -> Result<()> {
    let (house, _reached) = reach::house().await?;
    match action {
        Action::List => {
            for one in client::list(&house.db).await? {
                let owner = one.owner.as_deref().unwrap_or("(platform)");
                let off = if one.disabled { "switched off" } else { "" };
                println!("{:40} {owner:20} {:20} {} {off}", one.id, one.method, one.name);
            }
            Ok(())
        }
        Action::Create(new) => create(&house, new).await,
        Action::RedirectUris { id, uris } => {
            check_uris(&uris)?;
            change(&house, &id, "redirect_uris", |client| client.redirect_uris = uris).await
        }
        Action::RotateSecret { id } => {
            let secret = Secret::generate();
            let digest = secret.digest();
            change(&house, &id, "secret", |client| client.secret_digest = client.secret_digest.map(|_| digest)).await?;
            println!("{}", secret.reveal());
            Ok(())
        }
        Action::Disable { id } => {
            let now = house.clock.now();
            change(&house, &id, "disabled", |client| client.disabled_at = Some(now)).await
        }
        Action::Enable { id } => change(&house, &id, "enabled", |client| client.disabled_at = None).await,
    }
}

async fn create(house: &House, new: New) -> Result<()> {
    check_uris(&new.redirect_uris)?;
    let company = match &new.company {
        Some(slug) => Some(company::find(house, slug).await?),
        None => None,
    };
    if new.skip_consent && company.is_some() {
        return Err(Error::invalid("skip-consent", "is for the platform's own clients"));
    }
    let secret = (!new.public).then(Secret::generate);
    let mut grant_types = vec!["authorization_code".to_owned(), "refresh_token".to_owned()];
    if secret.is_some() {
        grant_types.push("client_credentials".to_owned());
    }
    let client = Client {
        id: Client::fresh_id(),
        company,
        name: new.name,
        auth_method: if new.public { AuthMethod::None } else { AuthMethod::SecretBasic },
        secret_digest: secret.as_ref().map(Secret::digest),
        redirect_uris: new.redirect_uris,
        post_logout_redirect_uris: new.post_logout_redirect_uris,
        grant_types,
        scopes: Scopes::of(KNOWN),
        consent: if new.skip_consent { ConsentRule::Skip } else { ConsentRule::Ask },
        client_uri: None,
        logo_uri: None,
        policy_uri: None,
        tos_uri: None,
        profile: Profile::Standard,
        metadata: Metadata::default(),
        secret_sealed: None,
        disabled_at: None,
    };
    save(house, &client, Event::ClientCreated { client: client.id.clone() }).await?;
    println!("client id      {}", client.id);
    if let Some(secret) = secret {
        println!("client secret  {}   (shown this once)", secret.reveal());
    }
    Ok(())
}

async fn change(house: &House, id: &str, what: &'static str, with: impl FnOnce(&mut Client)) -> Result<()> {
    let mut client = client::find(&house.db, id).await?.ok_or(Error::NotFound("client"))?;
    with(&mut client);
    save(house, &client, Event::ClientChanged { client: client.id.clone(), what }).await
}

async fn save(house: &House, client: &Client, event: Event) -> Result<()> {
    let cx = house.job("command line");
    if let Some(owner) = client.company {
        let mut tx = house.db.company(owner, None).await?;
        client::save_company(&mut tx, client, cx.now).await?;
        tx.commit(&cx, event).await
    } else {
        let mut tx = house.db.platform().await?;
        client::save_platform(&mut tx, client, cx.now).await?;
        tx.commit(&cx, event).await
    }
}

/// RFC 6749, section 3.1.2: absolute and without a fragment. http is for this machine only (RFC 8252, section 7.3).
fn check_uris(uris: &[String]) -> Result<()> {
    for uri in uris {
        let url =
            Url::parse(uri).map_err(|_| Error::invalid("redirect-uri", format!("{uri} is not an absolute URI")))?;
        let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if url.fragment().is_some()
            || (url.scheme() == "http" && !local)
            || matches!(url.scheme(), "javascript" | "data" | "file")
        {
            return Err(Error::invalid(
                "redirect-uri",
                format!("{uri} cannot be used: https, an app's own scheme, or http on localhost, without a fragment"),
            ));
        }
    }
    Ok(())
}

//! A person's authenticator app: it holds a seed and shows a code for every half minute.

use countersign::domain::person::second_factor;
use time::{Duration, OffsetDateTime};
use totp_rs::{Builder, Secret};

use super::{Person, Provider};

/// How long one code is shown. The provider accepts each once.
pub const STEP: Duration = Duration::seconds(30);

#[derive(Debug, Clone)]
pub struct Authenticator {
    /// Base32, as the setup page shows it.
    seed: String,
}

impl Authenticator {
    /// An app that was given the text from below the picture.
    pub fn with(seed: &str) -> Self {
        Self { seed: seed.to_owned() }
    }

    /// What it shows at that instant.
    pub fn code(&self, at: OffsetDateTime) -> String {
        let seed = Secret::try_from_base32(&self.seed).unwrap();
        let totp = Builder::new().with_secret(seed).with_account_name("Ada").build().unwrap();
        totp.generate(u64::try_from(at.unix_timestamp()).unwrap()).to_string()
    }
}

impl Provider {
    /// Turns the person's second factor on. The code for that was the previous one, so the code of now is still good.
    pub async fn authenticator(&self, person: &Person) -> Authenticator {
        let cx = self.house.job("the person sets an authenticator app up");
        let setup = second_factor::setup(&self.house, &cx, person.id).await.unwrap();
        let authenticator = Authenticator::with(&setup.secret);
        let code = authenticator.code(cx.now - STEP);
        second_factor::enable(&self.house, &cx, person.id, &code).await.unwrap().expect("the code is right");
        authenticator
    }
}

//! A person's authenticator app: it holds a seed and shows a code for every half minute.

use countersign::domain::person::second_factor;
use time::{Duration, OffsetDateTime};
use totp_rs::{Builder, Secret};

use super::{Person, Provider, secrets};

/// How long one code is shown. The provider accepts each once.
pub const STEP: Duration = Duration::seconds(30);

#[derive(Debug, Clone)]
pub struct Authenticator {
    /// Base32, as the setup page shows it.
    seed: String,
    /// What was shown when the second factor was turned on.
    pub backup_codes: Vec<String>,
}

impl Authenticator {
    /// An app that was given the text from below the picture.
    pub fn of(seed: &str) -> Self {
        secrets::note(seed);
        Self { seed: seed.to_owned(), backup_codes: Vec::new() }
    }

    /// What it shows at that instant.
    pub fn code_at(&self, at: OffsetDateTime) -> String {
        let seed = Secret::try_from_base32(&self.seed).unwrap();
        let totp = Builder::new().with_secret(seed).with_account_name("Ada").build().unwrap();
        let code = totp.generate(u64::try_from(at.unix_timestamp()).unwrap()).to_string();
        secrets::note(&code);
        code
    }

    /// What it shows now.
    pub fn code(&self, provider: &Provider) -> String {
        self.code_at(provider.house.clock.now())
    }

    /// What it shows next, after the wait for it.
    pub fn next_code(&self, provider: &Provider) -> String {
        provider.wait(STEP);
        self.code(provider)
    }

    /// Six digits that are wrong now.
    pub fn wrong_code(&self, provider: &Provider) -> String {
        let now = provider.house.clock.now();
        let near = [now - STEP, now, now + STEP].map(|at| self.code_at(at));
        let codes = ["000000", "111111", "222222", "333333"].map(str::to_owned);
        codes.into_iter().find(|code| !near.contains(code)).unwrap()
    }
}

impl Provider {
    /// Turns the person's second factor on. The code for that was the previous one, so the code of now is still good.
    pub async fn second_factor(&self, person: &Person) -> Authenticator {
        let cx = self.house.job("the person sets an authenticator app up");
        let setup = second_factor::setup(&self.house, &cx, person.id).await.unwrap();
        let mut authenticator = Authenticator::of(&setup.secret);
        let code = authenticator.code_at(cx.now - STEP);
        let enabled = second_factor::enable(&self.house, &cx, person.id, &code).await.unwrap();
        authenticator.backup_codes = enabled.expect("the code is right");
        authenticator.backup_codes.iter().for_each(|code| secrets::note(code));
        authenticator
    }
}

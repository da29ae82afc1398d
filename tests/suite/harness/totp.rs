//! An authenticator app: keeps a person's seed and shows the code of the moment.

use countersign::domain::person::second_factor;
use totp_rs::{Algorithm, Builder, Secret, Totp};

use super::{Person, Provider};

pub struct Authenticator {
    seed: Vec<u8>,
    pub backup_codes: Vec<String>,
}

impl Provider {
    /// The person has a second factor from now on. Its code of this moment is used up.
    pub async fn second_factor(&self, person: &Person) -> Authenticator {
        let cx = self.house.job("test");
        let setup = second_factor::setup(&self.house, &cx, person.id).await.unwrap();
        let mut app = Authenticator::of(&setup.secret);
        let enabled = second_factor::enable(&self.house, &cx, person.id, &app.code(self)).await.unwrap();
        app.backup_codes = enabled.expect("the first code is right");
        app
    }
}

impl Authenticator {
    /// From the key that the page shows.
    pub fn of(base32: &str) -> Self {
        Self { seed: Secret::try_from_base32(base32).unwrap().as_bytes().to_vec(), backup_codes: Vec::new() }
    }

    /// The code at the provider's time.
    pub fn code(&self, provider: &Provider) -> String {
        let totp: Totp = Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_step_duration(30)
            .with_secret(Secret::new(self.seed.clone().into()))
            .with_issuer(Some("Countersign"))
            .with_account_name("x")
            .build()
            .unwrap();
        totp.generate(u64::try_from(provider.house.clock.now().unix_timestamp()).unwrap()).to_string()
    }
}

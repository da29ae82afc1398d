//! What can be measured.

use clap::ValueEnum;

/// What each connection does, over and over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// A token for the client itself.
    ClientCredentials,
    /// Authorize in a browser that is signed in, and exchange the code, with PKCE.
    Code,
    /// Refresh, and carry the token on.
    Refresh,
    Userinfo,
    Introspection,
    Discovery,
    Jwks,
    /// Authorize, log in and consent on the pages, exchange the code, userinfo; a browser of its own each time.
    SignIn,
    /// Userinfo 40 %, introspection 20 %, client credentials 15 %, refresh 10 %, code 8 %, JWKS 4 %, discovery 3 %.
    Mixed,
    /// Many sign-ins at once, while one connection asks userinfo.
    Storm,
}

/// The shares of [`Scenario::Mixed`].
const MIX: [(Scenario, usize); 7] = [
    (Scenario::Userinfo, 40),
    (Scenario::Introspection, 20),
    (Scenario::ClientCredentials, 15),
    (Scenario::Refresh, 10),
    (Scenario::Code, 8),
    (Scenario::Jwks, 4),
    (Scenario::Discovery, 3),
];

impl Scenario {
    /// What is done at this step: always the same, but for the mix.
    pub fn at(self, step: usize) -> Self {
        if self != Self::Mixed {
            return self;
        }
        // Prime to 100, so that kinds alternate and each has its share after 100 steps.
        let mut place = step * 37 % 100;
        for (scenario, share) in MIX {
            if place < share {
                return scenario;
            }
            place -= share;
        }
        Self::Userinfo
    }

    /// Whether it starts with somebody who signed in.
    pub fn needs_tokens(self) -> bool {
        matches!(self, Self::Code | Self::Refresh | Self::Userinfo | Self::Introspection | Self::Mixed)
    }

    /// What is asked for where nothing else is said.
    pub fn scope(self) -> &'static str {
        if matches!(self, Self::Refresh | Self::Mixed) { "openid offline_access" } else { "openid" }
    }

    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

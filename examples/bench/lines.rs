//! The lines of the table: what is driven at both, and what limits it.

use crate::house::{CLIENT, CLIENT_SECRET, PUBLIC_CLIENT};

/// What arithmetic allows, per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// RS256 signatures on all cores.
    Signature,
    /// Half of that.
    TwoSignatures,
    /// One prepared statement under row-level security, over ten connections.
    Statement,
    /// A server that answers this with a fixed body.
    BareDiscovery,
    BareJwks,
    /// Argon2id on all cores.
    Password,
}

/// One line.
#[derive(Debug)]
pub struct Line {
    pub name: &'static str,
    /// Of the load tool.
    pub scenario: &'static str,
    pub limit: Limit,
    /// What the ratio to the peer shall be at least.
    pub target: Option<f64>,
    /// Arguments for both.
    both: Vec<&'static str>,
    /// For the peer besides.
    peer: Vec<&'static str>,
}

/// The peer signs access tokens only for an API that is named.
const API: [&str; 2] = ["--authorize-parameter=resource=urn:load:api", "--token-parameter=resource=urn:load:api"];

/// All, in the order of the table.
pub fn all() -> Vec<Line> {
    let line = |name, scenario, limit, target| Line { name, scenario, limit, target, both: vec![], peer: vec![] };
    let refresh = ["--authorize-parameter=prompt=consent"];
    vec![
        Line { peer: API.to_vec(), ..line("client credentials", "client-credentials", Limit::Signature, Some(1.5)) },
        Line {
            both: [&refresh[..], &["--scope=offline_access"]].concat(),
            peer: API.to_vec(),
            ..line("refresh with rotation", "refresh", Limit::Signature, Some(1.1))
        },
        Line {
            both: refresh.to_vec(),
            peer: API.to_vec(),
            ..line("refresh with ID token", "refresh", Limit::TwoSignatures, None)
        },
        Line {
            peer: API.to_vec(),
            ..line("code: authorize, signed in, and exchange", "code", Limit::TwoSignatures, Some(1.4))
        },
        line("userinfo", "userinfo", Limit::Statement, Some(2.5)),
        line("introspection", "introspection", Limit::Statement, Some(2.5)),
        line("discovery", "discovery", Limit::BareDiscovery, Some(4.0)),
        line("JWKS", "jwks", Limit::BareJwks, Some(4.0)),
        line("sign-in", "sign-in", Limit::Password, None),
    ]
}

impl Line {
    /// Whether the peer does the same: its pages look at no password.
    pub fn has_peer(&self) -> bool {
        self.scenario != "sign-in"
    }

    /// Public clients rotate.
    fn client(&self) -> Vec<String> {
        if self.scenario == "refresh" {
            return vec![format!("--client-id={PUBLIC_CLIENT}")];
        }
        vec![format!("--client-id={CLIENT}"), format!("--client-secret={CLIENT_SECRET}")]
    }

    fn arguments(&self, more: &[&str]) -> Vec<String> {
        let texts = [self.scenario].into_iter().chain(self.both.iter().copied()).chain(more.iter().copied());
        texts.map(str::to_owned).chain(self.client()).collect()
    }

    pub fn for_ours(&self) -> Vec<String> {
        // A client of the platform says which company it speaks for.
        let more: &[&str] =
            if self.scenario == "client-credentials" { &["--token-parameter=company=load"] } else { &[] };
        self.arguments(more)
    }

    pub fn for_peer(&self) -> Vec<String> {
        self.arguments(&self.peer)
    }
}

//! Answers of the authorization endpoint: what goes to the client, how, and never anywhere but to a redirect URI that was matched.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use crate::domain::house::House;
use crate::domain::keys::{self, Kind};
use crate::model::client::Client;
use crate::model::error::{Error, Result, printable};
use crate::model::jose::SigningAlgorithm;
use crate::model::params::Params;

/// JARM, section 2.1, asks for at most ten minutes.
const SIGNED_ANSWER_LIVES: Duration = Duration::minutes(5);

/// What carries the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    /// OAuth 2.0 Multiple Response Type Encoding Practices, section 2.1.
    Query,
    /// As before; the default where an ID token is among the answer (section 5).
    Fragment,
    /// OAuth 2.0 Form Post Response Mode.
    FormPost,
}

/// How the answer reaches the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseMode {
    /// What carries it.
    pub carrier: Carrier,
    /// JARM: the answer is one JWT, signed so.
    pub signed: Option<SigningAlgorithm>,
}

/// The registered names, but for JARM's `jwt`, which means the default carrier.
pub const RESPONSE_MODES: [(&str, Carrier, bool); 6] = [
    ("query", Carrier::Query, false),
    ("fragment", Carrier::Fragment, false),
    ("form_post", Carrier::FormPost, false),
    ("query.jwt", Carrier::Query, true),
    ("fragment.jwt", Carrier::Fragment, true),
    ("form_post.jwt", Carrier::FormPost, true),
];

impl ResponseMode {
    /// The mode that a request asks for; what cannot be understood, or would put an ID token into a query, is answered in the
    /// default mode of the response type, and refused by a check of its own.
    pub fn of(client: &Client, params: &Params) -> Self {
        let asked = params.get("response_type").unwrap_or_default();
        let front_channel = asked.split(' ').any(|word| word == "token" || word == "id_token");
        let default = if front_channel { Carrier::Fragment } else { Carrier::Query };
        let algorithm = client.metadata.authorization_signed_response_alg.unwrap_or_default();
        let named = params.get("response_mode").unwrap_or_default();
        if named == "jwt" {
            return Self { carrier: default, signed: Some(algorithm) };
        }
        let known = RESPONSE_MODES.iter().find(|(name, ..)| *name == named);
        match known {
            // JARM, section 2.3.1: an encrypted answer could stand in a query; ours are only signed.
            Some((_, Carrier::Query, signed)) if front_channel => {
                Self { carrier: default, signed: signed.then_some(algorithm) }
            }
            Some((_, carrier, signed)) => Self { carrier: *carrier, signed: signed.then_some(algorithm) },
            None => Self { carrier: default, signed: None },
        }
    }
}

/// Where an answer goes: a redirect URI that was matched with the client's registration, and nothing else can become one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReturnAddress {
    client_id: String,
    redirect_uri: String,
    response_mode: ResponseMode,
    state: Option<String>,
}

/// An answer on its way to the client.
#[derive(Debug)]
pub struct Answer {
    /// Where it goes.
    pub redirect_uri: String,
    /// How.
    pub carrier: Carrier,
    /// Its parameters.
    pub params: Vec<(&'static str, String)>,
}

impl ReturnAddress {
    /// RFC 9700, section 4.1.3: compared character by character. It must be sent even where only one is registered.
    ///
    /// # Errors
    /// `invalid_request`, for a page: there is nowhere to send it.
    pub fn matched(client: &Client, params: &Params) -> Result<Self> {
        let redirect_uri = params.need("redirect_uri")?;
        if !client.redirect_uris.iter().any(|registered| registered == redirect_uri) {
            return Err(Error::oauth("invalid_request", "the redirect_uri is not one that the client registered"));
        }
        let state = params.get("state").map(str::to_owned);
        if state.as_ref().is_some_and(|state| state.len() > super::LONGEST) {
            return Err(Error::oauth("invalid_request", "state is too long"));
        }
        Ok(Self {
            client_id: client.id.clone(),
            redirect_uri: redirect_uri.to_owned(),
            response_mode: ResponseMode::of(client, params),
            state,
        })
    }

    /// The matched redirect URI.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// The client's `state`.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// RFC 6749, section 4.1.2.1.
    pub async fn refusal(&self, house: &House, now: OffsetDateTime, code: &str, description: &str) -> Result<Answer> {
        let said = vec![("error", code.to_owned()), ("error_description", printable(description))];
        self.answer(house, now, said).await
    }

    /// RFC 6749, section 4.1.2; `iss` by RFC 9207, which also stands in a signed answer by itself (JARM, section 2.1).
    pub async fn answer(
        &self,
        house: &House,
        now: OffsetDateTime,
        mut params: Vec<(&'static str, String)>,
    ) -> Result<Answer> {
        params.extend(self.state.clone().map(|state| ("state", state)));
        params.push(("iss", house.settings.issuer.clone()));
        if let Some(algorithm) = self.response_mode.signed {
            let mut claims: Map<String, Value> =
                params.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
            claims.insert("aud".to_owned(), json!(self.client_id));
            claims.insert("iat".to_owned(), json!(now.unix_timestamp()));
            claims.insert("exp".to_owned(), json!((now + SIGNED_ANSWER_LIVES).unix_timestamp()));
            params =
                vec![("response", keys::sign(house, now, (Kind::AuthorizationResponse, algorithm), claims).await?)];
        }
        Ok(Answer { redirect_uri: self.redirect_uri.clone(), carrier: self.response_mode.carrier, params })
    }
}

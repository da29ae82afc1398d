//! Reads access tokens that we gave, and asks the database whether what they stand for still lives.

use serde_json::{Map, Value};

use super::token;
use crate::domain::house::House;
use crate::domain::keys::{self, Claims, Kind};
use crate::model::context::Context;
use crate::model::error::Result;
use crate::model::id::CompanyId;
use crate::model::scope::Scopes;
use crate::storage::account;
use crate::storage::grant::Living;
use crate::storage::held::{self, Asked};

/// A living access token of a person.
#[derive(Debug)]
pub struct Held {
    /// Its grant, as it is now.
    pub living: Living,
    /// Whose it is.
    pub account: account::Row,
    /// What this token carries: the grant's scopes, or fewer.
    pub scopes: Scopes,
    /// All it says.
    pub claims: Claims,
}

/// The claims of an access token that has not expired. Whether its grant lives is another question.
pub async fn read(house: &House, cx: &Context, token: &str) -> Result<Option<Claims>> {
    keys::verify_living(house, cx.now, Kind::AccessToken, token).await
}

/// Whose token this is, if its grant lives. `None` for anything else, a client's own token among it.
pub async fn hold(house: &House, cx: &Context, claims: Claims) -> Result<Option<Held>> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let grant = text("jti").and_then(token::grant_of);
    let company = text("company_id").and_then(|id| id.parse::<CompanyId>().ok());
    let (Some(grant), Some(company), Some(sub)) = (grant, company, text("sub")) else { return Ok(None) };
    let (scopes, sub) = (Scopes::read(text("scope").unwrap_or_default()), sub.to_owned());
    let found = held::find(&house.db, Asked::AccessToken(company, grant), cx.now).await?;
    let living = found.and_then(|held| held.living).filter(|living| living.0.sub() == sub);
    Ok(living.map(|living| {
        let (living, account) = *living;
        Held { living, account, scopes, claims }
    }))
}

/// Whether a token is for this audience, alone or among others (RFC 7519, section 4.1.3).
pub fn is_for(claims: &Map<String, Value>, audience: &str) -> bool {
    match claims.get("aud") {
        Some(Value::String(only)) => only == audience,
        Some(Value::Array(several)) => several.iter().any(|one| one == audience),
        _ => false,
    }
}

//! Back-Channel Logout 1.0: tells clients that a login has ended. The notice was written when it ended; the token is signed
//! when it is sent. What no client takes within a day is given up, and the trail says so.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::{Map, Value, json};
use time::Duration;
use url::Url;

use crate::domain::house::House;
use crate::domain::keys::{self, Kind};
use crate::model::client::Client;
use crate::model::context::Context;
use crate::model::error::Result;
use crate::model::event::Event;
use crate::model::secret::random;
use crate::storage::client;
use crate::storage::logout_notice::{self, Due};

/// Section 2.4: the one member of `events`.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// While a notice is with one node, no other takes it. Longer than a call to others may take.
const LEASE: Duration = Duration::seconds(30);
/// Section 2.4 advises two minutes at most.
const TOKEN_LIVES: Duration = Duration::minutes(2);
/// After this a notice is given up.
const GIVEN_UP_AFTER: Duration = Duration::hours(24);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::hours(1);
/// How many notices a node takes at once, and how many of them for one client.
const AT_ONCE: (i64, i64) = (50, 5);

/// Takes what is due, for [`deliver`].
pub async fn take_due(house: &House, cx: &Context) -> Result<Vec<Due>> {
    logout_notice::take_due(&house.db, cx.now, cx.now + LEASE, AT_ONCE).await
}

/// Sends one notice, and decides when it is tried again where the client does not take it.
pub async fn deliver(house: &House, cx: &Context, due: &Due) -> Result<()> {
    let found = client::find(&house.db, &due.client_id, cx.now).await?;
    // Registered otherwise since, or switched off: nobody is there to tell.
    let found = found.filter(|client| client.disabled_at.is_none());
    let Some((client, uri)) = found.and_then(|client| Some((uri(&client)?, client))).map(|(uri, client)| (client, uri))
    else {
        return logout_notice::done(&house.db, due.id).await;
    };
    let algorithm = client.metadata.id_token_signed_response_alg;
    let token = keys::sign(house, cx.now, (Kind::Logout, algorithm), claims(house, cx, &client, due)).await?;
    let Err(why) = house.guarded.post_form(&uri, &[("logout_token", &token)]).await else {
        return logout_notice::done(&house.db, due.id).await;
    };
    if cx.now - due.created_at > GIVEN_UP_AFTER {
        tracing::warn!(client = client.id, %why, "a logout notice is given up");
        let event = Event::LogoutNoticeLost { client: client.id.clone(), login: due.login() };
        match client.company {
            Some(owner) => house.db.company(owner, None).await?.commit(cx, event).await?,
            None => house.db.platform().await?.commit(cx, event).await?,
        }
        return logout_notice::done(&house.db, due.id).await;
    }
    tracing::info!(client = client.id, attempt = due.attempts, %why, "a logout notice was not taken");
    logout_notice::failed(&house.db, due.id, &why.to_string(), cx.now + pause(due.attempts)).await
}

fn uri(client: &Client) -> Option<Url> {
    client.metadata.backchannel_logout_uri.as_deref().and_then(|uri| Url::parse(uri).ok())
}

/// 2, 4, 8 … seconds, an hour at most.
fn pause(attempts: i32) -> Duration {
    (Duration::seconds(1) * (1_i32 << attempts.clamp(1, 12))).min(LONGEST_PAUSE)
}

/// Section 2.4. `sub` and `sid` are those of the client's ID tokens; a nonce is prohibited.
fn claims(house: &House, cx: &Context, client: &Client, due: &Due) -> Map<String, Value> {
    let claims = json!({
        "iss": house.settings.issuer,
        "aud": client.id,
        "iat": cx.now.unix_timestamp(),
        "exp": (cx.now + TOKEN_LIVES).unix_timestamp(),
        "jti": B64.encode(random::<16>()),
        "events": { EVENT: {} },
        "sub": due.sub(),
        "sid": due.login(),
    });
    claims.as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour() {
        assert_eq!([1, 2, 3].map(pause), [2, 4, 8].map(Duration::seconds));
        assert_eq!([12, 500].map(pause), [LONGEST_PAUSE; 2]);
        assert!((1..500).all(|attempts| pause(attempts) <= pause(attempts + 1)));
    }
}

//! Strangers' apps that sign people out here too (OpenID Connect RP-Initiated Logout 1.0).

use std::process::Command;

use countersign::model::client::AuthMethod;
use countersign::model::jose::SigningAlgorithm;

use super::desk::Desk;
use super::{node, python};

#[tokio::test]
async fn who_signs_out_at_a_strangers_app_is_back_there_and_signed_out_here_too() {
    let parties: [fn() -> Command; 4] = [
        || node("sign_in.mjs"),
        || node("sign_in_oauth4webapi.mjs"),
        || python("sign_in.py"),
        || python("sign_in_idpyoidc.py"),
    ];
    let desk = Desk::with(SigningAlgorithm::Es256).await;
    let app = desk.client(AuthMethod::SecretBasic, |_| {}).await;
    for party in parties {
        let settings = [("CLIENT_AUTH", "basic"), ("POST_LOGOUT_REDIRECT_URI", &desk.place.home())];
        let got = desk.visit(party(), &app, &settings).await;
        let url = got["end_session"].as_str().unwrap();
        let page = desk.visitor.get(url).await;
        assert!(page.url.as_str().starts_with(&desk.place.home()), "{} {}", page.url, page.text());
        // Behaviour 68.
        let sent: url::Url = url.parse().unwrap();
        let state = sent.query_pairs().find(|(name, _)| name == "state").map(|(_, value)| value.into_owned());
        assert_eq!(page.query("state"), state);
        assert_eq!(page.url.query_pairs().count(), 1);
        assert_eq!(desk.visitor.get("/dashboard").await.path(), "/login");
        desk.visitor.sign_in(&desk.admin).await;
    }
}

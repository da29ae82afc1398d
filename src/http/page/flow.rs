//! What pages know of the flow that they are a step of: which app waits, and where it leads.

use serde::Deserialize;

use crate::domain::oidc::flow::Flow;
use crate::domain::person::visitor::Visitor;

/// The query of a page that may be a step of a flow.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Steps {
    /// The flow, where an app waits.
    pub flow: Option<String>,
    /// A path of ours to go to, where none does.
    pub next: Option<String>,
}

impl Steps {
    /// The same query, for the forms and links of the page.
    pub fn query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let Some(flow) = &self.flow {
            query.append_pair("flow", flow);
        }
        if let Some(next) = &self.next {
            query.append_pair("next", next);
        }
        let query = query.finish();
        if query.is_empty() { query } else { format!("?{query}") }
    }

    /// Under which name a browser keeps an unfinished sign-in of this tab.
    pub fn pending(&self) -> String {
        format!("pending:{}", self.flow.as_deref().unwrap_or_default())
    }

    /// Where to go when a step is done: to the flow, to the page that was asked for, or to the dashboard.
    pub fn onward(&self) -> String {
        if let Some(flow) = &self.flow {
            let flow: String = url::form_urlencoded::byte_serialize(flow.as_bytes()).collect();
            return format!("/oauth2/authorize/continue?flow={flow}");
        }
        match self.next.as_deref() {
            // A path of ours and nothing that a browser could read as another host.
            Some(next)
                if next.starts_with('/')
                    && !next.starts_with("//")
                    && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') =>
            {
                next.to_owned()
            }
            _ => "/dashboard".to_owned(),
        }
    }

    /// As [`Steps::onward`], by way of the set-up of a second factor where a company demands one.
    pub fn onward_for(&self, visitor: &Visitor) -> String {
        if visitor.must_set_up_second_factor() { format!("/setup-mfa{}", self.query()) } else { self.onward() }
    }
}

/// The app that waits.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its name.
    pub client_name: String,
    /// Its picture.
    pub logo_uri: Option<String>,
    /// Its privacy policy.
    pub policy_uri: Option<String>,
    /// Its terms.
    pub tos_uri: Option<String>,
    /// Whom it expects.
    pub login_hint: Option<String>,
    /// Where the flow returns to.
    pub redirect_uri: String,
}

impl Waiting {
    /// The app of this flow.
    pub fn of(flow: &Flow) -> Self {
        Self {
            client_name: flow.client.name.clone(),
            logo_uri: flow.client.logo_uri.clone(),
            policy_uri: flow.client.policy_uri.clone(),
            tos_uri: flow.client.tos_uri.clone(),
            login_hint: flow.request.login_hint.clone(),
            redirect_uri: flow.request.to.redirect_uri().to_owned(),
        }
    }

    /// The first letter of its name.
    pub fn initial(&self) -> String {
        self.client_name.chars().take(1).flat_map(char::to_uppercase).collect()
    }
}

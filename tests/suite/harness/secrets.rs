//! Watches what is logged in the whole run for every secret that is used in it. A line is looked at when it is written, for what is
//! known by then, and a secret when it becomes known, in what was written by then: whichever comes second, the two meet. Then the
//! run ends there and fails, so that nothing can pass over it.

use std::collections::{HashMap, HashSet};
use std::io::Write as _;
use std::sync::{LazyLock, Mutex, Once};

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::command::log;
use serde_json::Value;
use tracing_subscriber::EnvFilter;

/// How many bytes at its beginning a secret is looked up by. What is shorter is watched only where it is six digits.
const HEAD: usize = 8;

type Head = [u8; HEAD];

/// What was logged, and what must not be.
#[derive(Default)]
pub struct Watch(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    text: String,
    heads: HashSet<Head>,
    secrets: HashMap<Head, Vec<String>>,
    /// Six digits that stand alone in a line, and six digits that are a code.
    numbers: HashSet<String>,
    codes: HashSet<String>,
}

fn head(bytes: &[u8]) -> Option<Head> {
    bytes.get(..HEAD)?.try_into().ok()
}

fn is_code(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Watch {
    /// A line was written. Answers a secret that it holds.
    pub fn line(&self, line: &str) -> Option<String> {
        let mut inner = self.0.lock().unwrap();
        let bytes = line.as_bytes();
        let mut found = None;
        for at in 0..bytes.len().saturating_sub(HEAD - 1) {
            let head = head(&bytes[at..]).unwrap();
            inner.heads.insert(head);
            let known = inner.secrets.get(&head).into_iter().flatten();
            let here = known.into_iter().find(|secret| bytes[at..].starts_with(secret.as_bytes()));
            found = found.or(here.cloned());
        }
        for number in line.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| is_code(word)) {
            found = found.or(inner.codes.get(number).cloned());
            inner.numbers.insert(number.to_owned());
        }
        inner.text.push_str(line);
        found
    }

    /// Something is secret. Answers a line that holds it.
    pub fn note(&self, secret: &str) -> Option<String> {
        let mut inner = self.0.lock().unwrap();
        if is_code(secret) {
            inner.codes.insert(secret.to_owned());
            return inner.numbers.contains(secret).then(|| inner.line_with(secret));
        }
        let head = head(secret.as_bytes())?;
        let known = inner.secrets.entry(head).or_default();
        if !known.iter().any(|other| other == secret) {
            known.push(secret.to_owned());
        }
        (inner.heads.contains(&head) && inner.text.contains(secret)).then(|| inner.line_with(secret))
    }

    /// Whether this is watched for.
    pub fn knows(&self, secret: &str) -> bool {
        let inner = self.0.lock().unwrap();
        let known = head(secret.as_bytes()).and_then(|head| inner.secrets.get(&head));
        inner.codes.contains(secret) || known.is_some_and(|known| known.iter().any(|other| other == secret))
    }

    /// Whether a line holds this.
    pub fn heard(&self, text: &str) -> bool {
        self.0.lock().unwrap().text.contains(text)
    }
}

impl Inner {
    fn line_with(&self, secret: &str) -> String {
        self.text.lines().find(|line| line.contains(secret)).unwrap_or_default().to_owned()
    }
}

/// The one of this run.
pub static WATCH: LazyLock<Watch> = LazyLock::new(Watch::default);

/// Past the capture of the test that is at fault, if it is known at all.
fn fail(secret: &str, line: &str) -> ! {
    let told = format!("\n\nA SECRET WAS LOGGED, so the run ends here.\n  secret: {secret}\n  line:   {line}\n\n");
    let _ = std::io::stderr().write_all(told.as_bytes());
    std::process::exit(1);
}

struct Lines;

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        if let Some(secret) = WATCH.line(&line) {
            fail(&secret, &line);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// From here on everything of ours is logged, and of others what production logs.
pub fn begin() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let filter = EnvFilter::new(format!("{},countersign=trace,countersign_parts=trace", log::DEFAULT));
        // Times have six digits too.
        let lines = tracing_subscriber::fmt().json().flatten_event(true).without_time();
        lines.with_env_filter(filter).with_writer(|| Lines).init();
    });
}

/// This is secret.
pub fn note(secret: &str) {
    if let Some(line) = WATCH.note(secret) {
        fail(secret, &line);
    }
}

/// Whether what has this name in a form, an object or a query is secret.
fn is_secret(name: &str) -> bool {
    name.contains("password")
        || name.contains("secret")
        || name.ends_with("token")
        || name.starts_with("csrf")
        || ["code", "codes", "backup_codes", "code_verifier", "client_assertion", "assertion", "id_token_hint"]
            .contains(&name)
        || ["email", "login_hint", "otpauth_uri", "response", "dpop", "cookie"].contains(&name)
}

/// Notes the value of a name, unless it is too short to be told from other words.
fn value(name: &str, value: &str) {
    let least = if name.contains("password") { 8 } else { 12 };
    let named = match name {
        "email" | "login_hint" => value.contains('@') && value.len() >= HEAD,
        _ => is_secret(name) && (value.len() >= least || is_code(value)),
    };
    if named {
        note(value);
        if value.contains('@') {
            note(&value.replace('@', "%40"));
        }
    }
}

fn values_of_json(name: &str, json: &Value) {
    match json {
        Value::String(text) => value(name, text),
        Value::Array(items) => items.iter().for_each(|item| values_of_json(name, item)),
        Value::Object(members) => members.iter().for_each(|(name, member)| values_of_json(name, member)),
        _ => {}
    }
}

fn values_of_form(form: &[u8]) {
    for (name, text) in url::form_urlencoded::parse(form) {
        value(&name, &text);
    }
}

/// What links and hidden fields of a text carry.
fn values_of_text(text: &str) {
    for (at, _) in text.match_indices('=') {
        let before = text[..at].rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
        if is_secret(before) {
            let after = text[at + 1..].trim_start_matches('"');
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.~%".contains(c)).unwrap_or(after.len());
            value(before, &after[..end]);
        }
    }
    for (at, _) in text.match_indices(" value=\"") {
        let tag = &text[text[..at].rfind('<').unwrap_or(at)..];
        let part = |name: &str| tag.split_once(name).and_then(|(_, rest)| rest.split('"').next());
        if let (Some(name), Some(text)) = (part(" name=\""), part(" value=\"")) {
            value(name, text);
        }
    }
    for item in text.split("<li>").skip(1) {
        let item = item.split('<').next().unwrap_or_default();
        if item.len() == 11 && item.as_bytes()[5] == b'-' && !item.contains(' ') {
            note(item);
        }
    }
}

fn values_of_headers(headers: &HeaderMap) {
    let texts = |name| headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    for text in texts(AUTHORIZATION) {
        let (scheme, rest) = text.split_once(' ').unwrap_or(("", text));
        value("token", rest);
        let pair = STANDARD.decode(rest).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        if let (true, Some((_, secret))) = (scheme == "Basic", pair.as_deref().and_then(|pair| pair.split_once(':'))) {
            value("client_secret", secret);
        }
    }
    for text in texts(COOKIE).flat_map(|text| text.split(';')).chain(texts(SET_COOKIE)) {
        let pair = text.split(';').next().unwrap_or_default();
        value("cookie", pair.split_once('=').unwrap_or_default().1);
    }
    texts(LOCATION).for_each(values_of_text);
    texts(axum::http::HeaderName::from_static("dpop")).for_each(|proof| value("dpop", proof));
}

fn values_of_body(headers: &HeaderMap, body: &[u8]) {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/x-www-form-urlencoded") {
        values_of_form(body);
    } else if kind.contains("json") {
        values_of_json("", &serde_json::from_slice(body).unwrap_or_default());
    } else if kind.starts_with("text/html") {
        values_of_text(&String::from_utf8_lossy(body));
    }
}

/// Notes every secret that passes, on the way in and on the way out.
pub async fn observe(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    values_of_headers(&parts.headers);
    values_of_form(parts.uri.query().unwrap_or_default().as_bytes());
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    values_of_body(&parts.headers, &body);
    let (parts, body) = next.run(Request::from_parts(parts, Body::from(body))).await.into_parts();
    values_of_headers(&parts.headers);
    let body = to_bytes(body, usize::MAX).await.unwrap();
    values_of_body(&parts.headers, &body);
    Response::from_parts(parts, Body::from(body))
}

/// Notes what stands in a provider's settings.
pub fn of_settings<'a>(settings: impl Iterator<Item = (&'a String, &'a String)>) {
    for (name, text) in settings {
        if name.contains("SECRET") || name.contains("PASSWORD") {
            text.split(',').for_each(note);
        }
        if let Some(password) = url::Url::parse(text).ok().and_then(|url| url.password().map(str::to_owned)) {
            note(&password);
        }
    }
}

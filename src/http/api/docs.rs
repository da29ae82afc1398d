//! `/openapi.json` and `/docs`: what the management API takes and gives. The page is made of the document, and of nothing that
//! is not served by us.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{app, audit, auth, client, company, mfa, resource, session, user};
use crate::http::Shared;
use crate::http::page::frame::{Frame, show as render};
use crate::model::error::Result;

#[derive(OpenApi)]
#[openapi(
    info(title = "Countersign management API", description = "Sign in, manage people, read the audit trail. Errors are problem documents (RFC 9457). A 401 whose WWW-Authenticate header says insufficient_user_authentication asks for a newer sign-in (max_age) or a stronger one (acr_values; RFC 9470)."),
    modifiers(&Bearer),
    paths(
        auth::register, auth::login, auth::verify_mfa, auth::refresh, auth::logout, auth::forgot_password, auth::reset_password,
        auth::verify_email, auth::change_password, mfa::setup, mfa::enable, mfa::disable, mfa::backup_codes, mfa::renew_backup_codes,
        user::me, user::update_me, user::list, user::show, user::add, user::change, user::remove, user::reset_mfa, user::password_link,
        company::show, company::change, audit::list, session::list, session::end_others, session::end, app::list, app::withdraw,
        client::list, client::create, client::show, client::change, client::remove, client::rotate_secret,
        resource::list, resource::create, resource::show, resource::change, resource::remove,
    )
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        document.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The document.
pub fn document(issuer: &str) -> Value {
    let mut value = serde_json::to_value(Document::openapi()).unwrap_or_default();
    if let Some(map) = value.as_object_mut() {
        map.insert("servers".to_owned(), json!([{ "url": issuer }]));
    }
    if let Some(schemas) = value.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        schemas.insert("Problem".to_owned(), problem());
    }
    let paths = value.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    for (_, operation) in paths.filter_map(|(_, methods)| methods.as_object_mut()).flatten() {
        complete(operation);
    }
    value
}

/// What holds for every operation: a name of its own, what is said of a body that cannot be read, and the shape of errors.
fn complete(operation: &mut Value) {
    let name = format!("{}_{}", text(operation.pointer("/tags/0")), text(operation.get("operationId")));
    let has_body = operation.get("requestBody").is_some();
    let Some(operation) = operation.as_object_mut() else { return };
    operation.insert("operationId".to_owned(), Value::String(name));
    let Some(answers) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    if has_body {
        for (status, about) in [("400", "Not the JSON that is expected"), ("413", "Too large"), ("415", "Not JSON")] {
            answers.entry(status).or_insert_with(|| json!({ "description": about }));
        }
    }
    for (_, answer) in answers.iter_mut().filter(|(status, _)| status.starts_with('4')) {
        if let Some(answer) = answer.as_object_mut() {
            let content =
                json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
            answer.insert("content".to_owned(), content);
        }
    }
}

/// RFC 9457, and what we add to it.
fn problem() -> Value {
    let flaw = json!({
        "type": "object",
        "required": ["field", "message"],
        "properties": { "field": { "type": "string" }, "message": { "type": "string" } },
    });
    json!({
        "type": "object",
        "description": "Why a request was refused (RFC 9457).",
        "required": ["type", "title", "status", "detail", "request_id"],
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "For people." },
            "request_id": { "type": "string", "description": "As in the header x-request-id." },
            "errors": { "type": "array", "description": "Every field that cannot be accepted.", "items": flaw },
        },
    })
}

/// Shows the document.
pub async fn openapi(State(house): State<Shared>) -> Json<Value> {
    Json(document(&house.settings.issuer))
}

struct Operation {
    method: String,
    path: String,
    summary: String,
    description: String,
    bearer: bool,
    body: Vec<Member>,
    query: Vec<Member>,
    answers: Vec<Answer>,
    example: Option<String>,
}

struct Member {
    name: String,
    about: String,
    required: bool,
}

struct Answer {
    status: String,
    about: String,
    members: Vec<Member>,
}

struct Group {
    name: String,
    operations: Vec<Operation>,
}

#[derive(Template)]
#[template(path = "page/docs.html")]
struct DocsPage {
    frame: Frame,
    issuer: String,
    groups: Vec<Group>,
}

/// Shows the page.
pub async fn show(State(house): State<Shared>, frame: Frame) -> Result<Response> {
    let document = document(&house.settings.issuer);
    let issuer = house.settings.issuer.clone();
    render(StatusCode::OK, &DocsPage { frame, issuer, groups: groups(&document) })
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn groups(document: &Value) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let paths = document.get("paths").and_then(Value::as_object);
    for (path, methods) in paths.into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let tag = text(operation.pointer("/tags/0"));
            let described = describe(document, method, path, operation);
            match groups.iter_mut().find(|group| group.name == tag) {
                Some(group) => group.operations.push(described),
                None => groups.push(Group { name: tag, operations: vec![described] }),
            }
        }
    }
    groups
}

fn describe(document: &Value, method: &str, path: &str, operation: &Value) -> Operation {
    let schema = operation.pointer("/requestBody/content/application~1json/schema");
    let body = schema.map(|schema| members(document, schema)).unwrap_or_default();
    let query = operation.get("parameters").and_then(Value::as_array).into_iter().flatten().map(|parameter| Member {
        name: text(parameter.get("name")),
        about: text(parameter.get("description")),
        required: parameter.get("required") == Some(&Value::Bool(true)),
    });
    let answers =
        operation.get("responses").and_then(Value::as_object).into_iter().flatten().map(|(status, answer)| Answer {
            status: status.clone(),
            about: text(answer.get("description")),
            members: answer
                .pointer("/content/application~1json/schema")
                .map(|schema| members(document, schema))
                .unwrap_or_default(),
        });
    Operation {
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(operation.get("summary")),
        description: text(operation.get("description")),
        bearer: operation.get("security").is_some(),
        query: query.collect(),
        answers: answers.collect(),
        example: schema.and_then(|schema| example(document, schema)),
        body,
    }
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let target =
        schema.get("$ref").and_then(Value::as_str).and_then(|place| document.pointer(place.trim_start_matches('#')));
    target.unwrap_or(schema)
}

fn members(document: &Value, schema: &Value) -> Vec<Member> {
    let schema = resolve(document, schema);
    let mut found = Vec::new();
    // A flattened part stands beside the rest.
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        found.extend(members(document, part));
    }
    for part in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        found.extend(members(document, part));
    }
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, member) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let about = text(member.get("description"));
        found.push(Member { name: name.clone(), about, required: required.contains(&name.as_str()) });
    }
    found
}

fn example(document: &Value, schema: &Value) -> Option<String> {
    let properties = resolve(document, schema).get("properties")?.as_object()?;
    let members: serde_json::Map<String, Value> =
        properties.iter().filter_map(|(name, member)| Some((name.clone(), member.get("example")?.clone()))).collect();
    if members.is_empty() { None } else { serde_json::to_string(&members).ok() }
}

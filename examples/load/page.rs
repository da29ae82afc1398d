//! Reads the forms of a page: fields with their values, buttons, and where they go. No more of HTML than that, and no script.

/// A form.
#[derive(Debug, Default)]
pub struct Form {
    pub action: String,
    pub is_post: bool,
    pub fields: Vec<Field>,
}

/// A field, or a button that is sent where it is pressed.
#[derive(Debug, Default)]
pub struct Field {
    pub name: String,
    pub value: String,
    /// As in HTML; `submit` of buttons.
    pub kind: String,
    id: String,
}

impl Form {
    /// The forms of a page, in order.
    pub fn all(html: &str) -> Vec<Self> {
        let (mut forms, mut open) = (Vec::new(), None::<Self>);
        for tag in html.split('<').skip(1) {
            let tag = tag.split_once('>').map_or(tag, |(tag, _)| tag);
            let name = tag.split([' ', '\n', '/']).next().unwrap_or_default();
            match (name, &mut open) {
                ("form", _) => {
                    let is_post = attribute(tag, "method").is_some_and(|method| method.eq_ignore_ascii_case("post"));
                    open =
                        Some(Self { action: attribute(tag, "action").unwrap_or_default(), is_post, ..Self::default() });
                }
                ("input" | "button", Some(form)) => form.fields.push(field(tag, name)),
                _ if tag.starts_with("/form") => forms.extend(open.take()),
                _ => {}
            }
        }
        forms.extend(open);
        forms
    }

    /// Whether it asks for a password.
    pub fn wants_password(&self) -> bool {
        self.fields.iter().any(|field| field.kind == "password")
    }

    /// The button that says yes, or the first that says anything.
    fn button(&self) -> Option<&Field> {
        let buttons = || self.fields.iter().filter(|field| field.kind == "submit");
        let yes =
            |field: &&Field| [&field.value, &field.id].iter().any(|text| matches!(text.as_str(), "allow" | "yes"));
        buttons().find(yes).or_else(|| buttons().next())
    }

    /// What a browser sends when a person of this name and password fills it in.
    pub fn filled(&self, name: &str, password: &str) -> String {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        for field in self.fields.iter().filter(|field| !field.name.is_empty()) {
            match field.kind.as_str() {
                "password" => drop(body.append_pair(&field.name, password)),
                "text" | "email" => drop(body.append_pair(&field.name, name)),
                "submit" | "checkbox" | "radio" | "button" => {}
                _ => drop(body.append_pair(&field.name, &field.value)),
            }
        }
        if let Some(button) = self.button().filter(|button| !button.name.is_empty()) {
            body.append_pair(&button.name, &button.value);
        }
        body.finish()
    }
}

fn field(tag: &str, name: &str) -> Field {
    let usual = if name == "button" { "submit" } else { "text" };
    let text = |name| attribute(tag, name).unwrap_or_default();
    Field {
        name: text("name"),
        value: text("value"),
        kind: attribute(tag, "type").unwrap_or_else(|| usual.to_owned()),
        id: text("id"),
    }
}

/// The value of an attribute that stands in double quotes.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let mut rest = tag;
    while let Some((before, after)) = rest.split_once("=\"") {
        let (value, next) = after.split_once('"')?;
        if before.rsplit([' ', '\n', '\t']).next() == Some(name) {
            return Some(plain(value));
        }
        rest = next;
    }
    None
}

fn plain(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let entities = [("&quot;", "\""), ("&#34;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&lt;", "<"), ("&gt;", ">")];
    let text = entities.iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character));
    text.replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&").replace("&amp;", "&")
}

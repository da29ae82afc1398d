//! Reads one member after the other and collects what is wrong with them.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::super::Client;
use super::uri::{self, Place};
use crate::model::error::Flaw;
use crate::model::jose::KeyManagement;

/// Characters of a URI.
pub(super) const LONGEST_URI: usize = 2000;
/// Characters of any other text.
pub(super) const LONGEST: usize = 500;

pub(super) struct Reading<'a> {
    sent: &'a Map<String, Value>,
    flaws: Vec<Flaw>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(sent: &'a Map<String, Value>) -> Self {
        Self { sent, flaws: Vec::new() }
    }

    pub(super) fn finish(self, client: Client) -> Result<Client, Vec<Flaw>> {
        if self.flaws.is_empty() { Ok(client) } else { Err(self.flaws) }
    }

    pub(super) fn flaw(&mut self, field: &'static str, message: impl Into<Cow<'static, str>>) {
        // One member, one flaw: the first says enough.
        if !self.flaws.iter().any(|flaw| flaw.field == field) {
            self.flaws.push(Flaw { field, message: message.into() });
        }
    }

    /// RFC 7592, section 2.2: null is as good as left out.
    pub(super) fn member(&self, field: &str) -> Option<&'a Value> {
        self.sent.get(field).filter(|value| !value.is_null())
    }

    pub(super) fn text(&mut self, field: &'static str, longest: usize) -> Option<String> {
        match self.member(field)? {
            Value::String(text) if text.trim().is_empty() => None,
            Value::String(text) if text.chars().count() > longest => {
                self.flaw(field, format!("must have at most {longest} characters"));
                None
            }
            Value::String(text) if !is_plain(text) => {
                self.flaw(field, "must hold no control characters");
                None
            }
            Value::String(text) => Some(text.trim().to_owned()),
            _ => {
                self.flaw(field, "must be a text");
                None
            }
        }
    }

    pub(super) fn list(&mut self, field: &'static str, most: usize, longest: usize) -> Option<Vec<String>> {
        let Some(values) = self.member(field)?.as_array() else {
            self.flaw(field, "must be an array of texts");
            return None;
        };
        if values.len() > most {
            self.flaw(field, format!("must have at most {most} values"));
            return None;
        }
        let mut texts: Vec<String> = Vec::new();
        for value in values {
            match value.as_str() {
                Some(text) if !text.is_empty() && text.chars().count() <= longest && is_plain(text) => {
                    if !texts.iter().any(|known| known == text) {
                        texts.push(text.to_owned());
                    }
                }
                Some(_) => self.flaw(field, format!("must hold texts of 1 to {longest} printable characters")),
                None => self.flaw(field, "must be an array of texts"),
            }
        }
        Some(texts)
    }

    pub(super) fn flag(&mut self, field: &'static str) -> bool {
        match self.member(field) {
            None => false,
            Some(Value::Bool(value)) => *value,
            Some(_) => {
                self.flaw(field, "must be true or false");
                false
            }
        }
    }

    pub(super) fn seconds(&mut self, field: &'static str) -> Option<u32> {
        let read = self.member(field)?.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
        if read.is_none() {
            self.flaw(field, "must be a number of seconds");
        }
        read
    }

    /// One of a set of registered words.
    pub(super) fn word<T>(
        &mut self,
        field: &'static str,
        read: impl Fn(&str) -> Option<T>,
        known: impl IntoIterator<Item = &'static str>,
    ) -> Option<T> {
        let text = self.text(field, LONGEST)?;
        let value = read(&text);
        if value.is_none() {
            let known: Vec<&str> = known.into_iter().collect();
            self.flaw(field, format!("must be one of {}", known.join(", ")));
        }
        value
    }

    pub(super) fn uri(&mut self, field: &'static str, place: Place) -> Option<String> {
        let text = self.text(field, LONGEST_URI)?;
        match uri::check(&text, place) {
            Ok(_) => Some(text),
            Err(why) => {
                self.flaw(field, why);
                None
            }
        }
    }

    pub(super) fn uris(&mut self, field: &'static str, most: usize, place: Place) -> Vec<String> {
        let texts = self.list(field, most, LONGEST_URI).unwrap_or_default();
        for text in &texts {
            if let Err(why) = uri::check(text, place) {
                self.flaw(field, format!("{why}: {text}"));
            }
        }
        texts
    }

    /// How something is encrypted. The content is encrypted in one way only.
    pub(super) fn encryption(&mut self, alg: &'static str, enc: &'static str) -> Option<KeyManagement> {
        let content = self.word(enc, |word| (word == KeyManagement::CONTENT).then_some(()), [KeyManagement::CONTENT]);
        let known = KeyManagement::ALL.map(KeyManagement::as_str);
        let management = self.word(alg, KeyManagement::read, known);
        if content.is_some() && self.member(alg).is_none() {
            self.flaw(enc, format!("needs {alg}"));
        }
        management
    }
}

/// No control characters, and none that turn the direction of what stands beside them on a page.
pub fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
    })
}

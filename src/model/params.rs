//! The parameters of an OAuth request, read strictly: from the query, or from a form.

use std::collections::BTreeMap;

use super::error::{Error, Result};

/// One that comes twice is an `invalid_request` (RFC 6749, section 3.1), one without a value counts as not sent.
#[derive(Debug, Default, Clone)]
pub struct Params(BTreeMap<String, String>);

impl Params {
    /// Reads `application/x-www-form-urlencoded` text.
    ///
    /// # Errors
    /// Not UTF-8, a NUL, or a parameter that comes twice.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let bad = |what: &'static str| Error::oauth("invalid_request", what);
        let mut map = BTreeMap::new();
        for pair in bytes.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default()).ok_or_else(|| bad("a parameter is not UTF-8"))?;
            let value = decode(halves.next().unwrap_or_default()).ok_or_else(|| bad("a parameter is not UTF-8"))?;
            if name.contains('\0') || value.contains('\0') {
                return Err(bad("a parameter holds a NUL character"));
            }
            if map.insert(name, value).is_some() {
                return Err(bad("a parameter is given more than once"));
            }
        }
        map.retain(|_, value| !value.is_empty());
        Ok(Self(map))
    }

    /// All of them, as a query.
    pub fn query(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }

    /// The value of a parameter that was sent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of a parameter that must be sent.
    ///
    /// # Errors
    /// `invalid_request`, naming it.
    pub fn need(&self, name: &'static str) -> Result<&str> {
        self.get(name).ok_or_else(|| Error::oauth("invalid_request", format!("{name} is required")))
    }
}

impl FromIterator<(String, String)> for Params {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }
}

/// Form decoding (`+` is a space) of strict UTF-8.
pub fn decode(bytes: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
                let value = digit()? * 16 + digit()?;
                out.push(u8::try_from(value).ok()?);
            }
            byte => out.push(byte),
        }
    }
    String::from_utf8(out).ok()
}

//! The parameters of an OAuth request, read strictly: from the query, or from a form.

use std::collections::BTreeMap;

use super::error::{Error, Result};

/// What may be sent several times (RFC 8707, section 2).
const SEVERAL: [&str; 1] = ["resource"];

/// One that comes twice is an `invalid_request` (RFC 6749, section 3.1), one without a value counts as not sent.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Params(BTreeMap<String, Vec<String>>);

impl Params {
    /// Reads `application/x-www-form-urlencoded` text.
    ///
    /// # Errors
    /// Not UTF-8, a NUL, or a parameter that comes twice.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let bad = |what: &'static str| Error::oauth("invalid_request", what);
        let mut map: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for pair in bytes.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default()).ok_or_else(|| bad("a parameter is not UTF-8"))?;
            let value = decode(halves.next().unwrap_or_default()).ok_or_else(|| bad("a parameter is not UTF-8"))?;
            if name.contains('\0') || value.contains('\0') {
                return Err(bad("a parameter holds a NUL character"));
            }
            let once = !SEVERAL.contains(&name.as_str());
            let values = map.entry(name).or_default();
            if once && !values.is_empty() {
                return Err(bad("a parameter is given more than once"));
            }
            values.push(value);
        }
        Ok(map
            .into_iter()
            .flat_map(|(name, values)| values.into_iter().map(move |value| (name.clone(), value)))
            .collect())
    }

    /// All of them, as a query.
    pub fn query(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(self.pairs()).finish()
    }

    /// All of them.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(name, values)| values.iter().map(move |value| (name.as_str(), value.as_str())))
    }

    /// The value of a parameter that was sent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).first().map(String::as_str)
    }

    /// Every value of a parameter that may be sent several times.
    pub fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// These, and of the others what is not among them.
    #[must_use]
    pub fn over(mut self, others: &Self) -> Self {
        for (name, values) in &others.0 {
            self.0.entry(name.clone()).or_insert_with(|| values.clone());
        }
        self
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
        let mut map: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
            map.entry(name).or_default().push(value);
        }
        Self(map)
    }
}

/// Whether a JSON text names the NUL character, which the database does not take.
pub fn escapes_nul(json: &str) -> bool {
    json.contains("\\u0000")
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

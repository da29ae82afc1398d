//! A cookie jar for one provider: names, paths and values. Cookies end with the jar; only their removal is heeded.

/// The cookies of one browser.
#[derive(Debug, Default)]
pub struct Jar(Vec<Cookie>);

#[derive(Debug)]
struct Cookie {
    name: String,
    path: String,
    value: String,
}

impl Jar {
    /// Takes in a `Set-Cookie` header.
    pub fn take(&mut self, header: &str) {
        let mut parts = header.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let (mut path, mut gone) = ("/", value.is_empty());
        for (attribute, said) in parts.filter_map(|part| part.split_once('=')) {
            match attribute.to_ascii_lowercase().as_str() {
                "path" => path = said,
                "max-age" => gone |= said == "0",
                "expires" => gone |= said.contains(" 1970 "),
                _ => {}
            }
        }
        self.0.retain(|cookie| cookie.name != name || cookie.path != path);
        if !gone {
            self.0.push(Cookie { name: name.to_owned(), path: path.to_owned(), value: value.to_owned() });
        }
    }

    /// Writes the `Cookie` header for a path, where there is anything to say.
    pub fn write(&self, path: &str, request: &mut String) {
        let mut before = "Cookie: ";
        for cookie in self.0.iter().filter(|cookie| is_below(path, &cookie.path)) {
            for text in [before, &cookie.name, "=", &cookie.value] {
                request.push_str(text);
            }
            before = "; ";
        }
        if before == "; " {
            request.push_str("\r\n");
        }
    }
}

/// RFC 6265, section 5.1.4.
fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || folder.ends_with('/') || rest.starts_with('/'))
}

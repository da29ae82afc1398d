//! Distinguished names of certificates and the strings that stand for them (RFC 4514), compared attribute by attribute
//! (RFC 4517, section 4.2.15), because there is more than one way to write the same name.

use openssl::asn1::Asn1Object;
use openssl::x509::X509NameRef;

/// A name: its parts, the most significant first. Each has one attribute or several, in no order.
#[derive(Debug, PartialEq, Eq)]
pub struct DistinguishedName(Vec<Vec<Attribute>>);

/// The DER of the type, and the value as it is compared: without case, and with single spaces.
type Attribute = (Vec<u8>, String);

impl DistinguishedName {
    /// Reads a string like `CN=desk,O=Acme\, Inc.,C=DE`. `None` where it is none, and for the empty name.
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = vec![Vec::new()];
        let mut rest = text;
        loop {
            let (kind, value) = rest.split_once('=')?;
            let (value, end, more) = value_of(value.trim_start())?;
            parts.last_mut()?.push((type_of(kind.trim())?, compared(&value)));
            match end {
                None => break,
                Some(',') => parts.push(Vec::new()),
                Some(_) => {}
            }
            rest = more;
        }
        // The string begins with the least significant.
        parts.reverse();
        Some(Self::sorted(parts))
    }

    /// The name in a certificate. `None` where it is empty, or holds what is no text.
    pub fn of(name: &X509NameRef) -> Option<Self> {
        Self::of_der(&name.to_der().ok()?)
    }

    /// As it was encoded. What cannot be read to its end is no name: a part that is passed over would make two names one.
    fn of_der(der: &[u8]) -> Option<Self> {
        let mut parts = Vec::new();
        let mut sequence = Der(element(der)?.1);
        while !sequence.0.is_empty() {
            let mut attributes = Vec::new();
            let mut set = Der(sequence.next()?.1);
            while !set.0.is_empty() {
                let mut attribute = Der(set.next()?.1);
                let ((_, kind), (tag, value)) = (attribute.next()?, attribute.next()?);
                if !attribute.0.is_empty() {
                    return None;
                }
                attributes.push((kind.to_vec(), compared(&text(tag, value)?)));
            }
            parts.push(attributes);
        }
        (!parts.is_empty()).then(|| Self::sorted(parts))
    }

    fn sorted(mut parts: Vec<Vec<Attribute>>) -> Self {
        for part in &mut parts {
            part.sort();
        }
        Self(parts)
    }
}

fn compared(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// RFC 4514, section 3, names some types; OpenSSL knows more, and every number.
fn type_of(name: &str) -> Option<Vec<u8>> {
    let known = match name.to_ascii_uppercase().as_str() {
        "CN" => "CN",
        "L" => "L",
        "ST" => "ST",
        "O" => "O",
        "OU" => "OU",
        "C" => "C",
        "STREET" => "street",
        "DC" => "DC",
        "UID" => "UID",
        "E" | "EMAILADDRESS" => "emailAddress",
        "SERIALNUMBER" => "serialNumber",
        _ => name,
    };
    Some(Asn1Object::from_str(known).ok()?.as_slice().to_vec())
}

/// RFC 4514, section 2.4: the value at the beginning of this text, what ends it, and what follows.
fn value_of(text: &str) -> Option<(String, Option<char>, &str)> {
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    let end = loop {
        match rest.next() {
            None => break None,
            Some(end @ (',' | '+')) => break Some(end),
            Some('\\') => {
                let escaped = rest.next()?;
                if let Some(high) = escaped.to_digit(16) {
                    bytes.push(u8::try_from(high * 16 + rest.next()?.to_digit(16)?).ok()?);
                } else {
                    bytes.extend_from_slice(escaped.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
            Some(plain) => bytes.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    };
    let value = match text.strip_prefix('#') {
        Some(_) => hexadecimal(&bytes)?,
        None => String::from_utf8(bytes).ok()?,
    };
    Some((value, end, rest.as_str()))
}

/// A value written as `#` and the hexadecimal digits of its DER.
fn hexadecimal(written: &[u8]) -> Option<String> {
    let digits = std::str::from_utf8(written).ok()?.trim().strip_prefix('#')?.as_bytes();
    let der: Option<Vec<u8>> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok())
        .collect();
    let der = der?;
    let (tag, value, rest) = element_and_rest(&der)?;
    if rest.is_empty() { text(tag, value) } else { None }
}

/// UTF8String, PrintableString, TeletexString as it is used, IA5String, BMPString.
fn text(tag: u8, value: &[u8]) -> Option<String> {
    match tag {
        0x0c | 0x13 | 0x14 | 0x16 => String::from_utf8(value.to_vec()).ok(),
        0x1e => {
            let units = value.chunks(2).map(|pair| pair.try_into().ok().map(u16::from_be_bytes));
            String::from_utf16(&units.collect::<Option<Vec<u16>>>()?).ok()
        }
        _ => None,
    }
}

/// The elements of a constructed DER value, one after the other.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, value, rest) = element_and_rest(self.0)?;
        self.0 = rest;
        Some((tag, value))
    }
}

fn element(der: &[u8]) -> Option<(u8, &[u8])> {
    element_and_rest(der).filter(|(.., rest)| rest.is_empty()).map(|(tag, value, _)| (tag, value))
}

/// Tag, value, and what follows (X.690, section 8.1). A length that is left open, or written longer than it must be, is none of
/// DER's (section 10.1).
fn element_and_rest(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = if *length < 0x80 {
        (usize::from(*length), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(*length & 0x7f))?;
        let shortest = bytes.len() <= 3 && bytes.first().is_some_and(|first| *first != 0);
        let length = bytes.iter().take(3).fold(0, |sum, byte| sum * 256 + usize::from(*byte));
        if !shortest || length < 0x80 {
            return None;
        }
        (length, rest)
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((*tag, value, rest))
}

#[cfg(test)]
mod tests {
    use openssl::x509::{X509Name, X509NameBuilder};

    use super::*;

    fn name(parts: &[(&str, &str)]) -> X509Name {
        let mut builder = X509NameBuilder::new().unwrap();
        for (kind, value) in parts {
            builder.append_entry_by_text(kind, value).unwrap();
        }
        builder.build()
    }

    #[test]
    fn a_name_is_the_string_that_stands_for_it_however_it_is_written() {
        let parts = [("C", "DE"), ("O", "Acme, Inc."), ("OU", "Rück + Halt"), ("CN", "desk.example"), ("UID", "7")];
        let held = DistinguishedName::of(&name(&parts)).unwrap();
        for (text, same) in [
            (r"UID=7,CN=desk.example,OU=Rück \+ Halt,O=Acme\, Inc.,C=DE", true),
            (r"uid=7, cn=DESK.example, ou=r\C3\BCck \2b  halt, o=acme\2C inc., c=de", true),
            (r"0.9.2342.19200300.100.1.1=7,2.5.4.3=desk.example,OU=Rück \+ Halt,O=Acme\, Inc.,C=DE", true),
            (r"UID=#130137,CN=#0c0c6465736b2e6578616d706c65,OU=Rück \+ Halt,O=Acme\, Inc.,C=DE", true),
            (r"C=DE,O=Acme\, Inc.,OU=Rück \+ Halt,CN=desk.example,UID=7", false),
            (r"CN=desk.example,OU=Rück \+ Halt,O=Acme\, Inc.,C=DE", false),
            (r"UID=7+CN=desk.example,OU=Rück \+ Halt,O=Acme\, Inc.,C=DE", false),
            (r"UID=7,CN=desk.example,OU=Rück \+ Halt,O=Acme Inc.,C=DE", false),
            (r"UID=8,CN=desk.example,OU=Rück \+ Halt,O=Acme\, Inc.,C=DE", false),
        ] {
            assert_eq!(DistinguishedName::read(text).as_ref() == Some(&held), same, "{text}");
        }
    }

    #[test]
    fn attributes_of_one_part_have_no_order() {
        assert_eq!(DistinguishedName::read("CN=a+OU=b,C=DE"), DistinguishedName::read("OU=b+CN=a,C=DE"));
        assert_ne!(DistinguishedName::read("CN=a+OU=b,C=DE"), DistinguishedName::read("CN=a,OU=b,C=DE"));
    }

    #[test]
    fn what_is_no_name_is_none() {
        for text in
            ["", "CN", "=x", "nonsense=x", "CN=a,", "CN=a,,O=b", "CN=#zz", "CN=#0c05", r"CN=a\", r"CN=\ff", "CN=#"]
        {
            assert_eq!(DistinguishedName::read(text), None, "{text}");
        }
        assert_eq!(DistinguishedName::of(&name(&[])), None);
    }

    #[test]
    fn a_part_that_is_written_oddly_is_not_passed_over() {
        let der = |parts: &[&[u8]]| {
            let whole = parts.concat();
            [&[0x30, u8::try_from(whole.len()).unwrap()][..], &whole].concat()
        };
        let desk = b"\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x0c\x04desk";
        let held = DistinguishedName::of_der(&der(&[desk]));
        assert!(held.is_some());
        assert_eq!(held, DistinguishedName::read("CN=desk"));
        // More of the name in four bytes of length, in a length that is left open, cut off, and behind the value.
        for more in [
            &b"\x31\x84\x00\x00\x00\x0e\x30\x0c\x06\x03\x55\x04\x0b\x0c\x05thief"[..],
            b"\x31\x81\x0e\x30\x0c\x06\x03\x55\x04\x0b\x0c\x05thief",
            b"\x31\x80\x30\x0c\x06\x03\x55\x04\x0b\x0c\x05thief\x00\x00",
            b"\x31\x0e\x30\x0c\x06\x03\x55\x04\x0b\x0c\x05thi",
            b"\x31\x10\x30\x0e\x06\x03\x55\x04\x0b\x0c\x05thief\x05\x00",
            b"\x31",
        ] {
            assert_eq!(DistinguishedName::of_der(&der(&[desk, more])), None, "{more:?}");
        }
        assert_eq!(DistinguishedName::of_der(&[&der(&[desk])[..], b"\x05\x00"].concat()), None);
    }
}

//! Which passwords are accepted (NIST SP 800-63B, section 5.1.1.2): long enough, not common, not made of what everybody
//! knows about the person. No rules of composition. The reason is told.

use unicode_normalization::UnicodeNormalization as _;

use crate::model::email::Email;
use crate::model::error::{Error, Result};

/// Sorted; of at least eight characters. From the list that Django ships (BSD licence).
const COMMON: &str = include_str!("common_passwords.txt");
const MOST: usize = 1024;

/// What a password must not be made of.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The address, where one could be read.
    pub email: Option<&'a Email>,
    /// The person's name.
    pub name: &'a str,
    /// The company's name.
    pub company: &'a str,
    /// The company's least length; never less than 8.
    pub least: usize,
}

/// Accepts a new password.
///
/// # Errors
/// `Invalid`, for the field that is named, with the reason.
pub fn check(field: &'static str, password: &str, about: About<'_>) -> Result<()> {
    let normal: String = password.nfkc().collect();
    let length = normal.chars().count();
    let least = about.least.max(8);
    if length < least {
        return Err(Error::invalid(field, format!("must have at least {least} characters")));
    }
    if length > MOST {
        return Err(Error::invalid(field, format!("must have at most {MOST} characters")));
    }
    let lower = normal.to_lowercase();
    if COMMON.lines().collect::<Vec<_>>().binary_search(&lower.as_str()).is_ok() {
        return Err(Error::invalid(field, "is one of the most common passwords; choose another"));
    }
    if lower.chars().all(|c| lower.starts_with(c)) {
        return Err(Error::invalid(field, "repeats one character; choose another"));
    }
    if let Some(word) = words(about).find(|word| is_made_of(&lower, word)) {
        return Err(Error::invalid(field, format!("is made of “{word}”, which others know; choose another")));
    }
    Ok(())
}

/// The words that somebody who knows the person would try first.
fn words(about: About<'_>) -> impl Iterator<Item = String> {
    let email = about.email.map(Email::as_str).unwrap_or_default().to_owned();
    let local = email.split('@').next().unwrap_or_default().to_owned();
    let domain = about.email.and_then(|email| email.domain().split('.').next()).unwrap_or_default().to_owned();
    let spoken = format!("{} {} countersign", about.name, about.company).to_lowercase();
    let spoken: Vec<String> = spoken.split_whitespace().map(str::to_owned).collect();
    let whole = about.company.to_lowercase().replace(' ', "");
    [email, local, domain, whole].into_iter().chain(spoken).filter(|word| word.chars().count() >= 4)
}

/// Whether nothing worth mentioning is left of a password without this word: digits and a few signs.
fn is_made_of(password: &str, word: &str) -> bool {
    password.contains(word) && password.replacen(word, "", 1).chars().filter(|c| c.is_alphabetic()).count() < 4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(password: &str) -> Result<()> {
        let email = "uma.user@techcorp.com".parse().unwrap();
        check("password", password, About { email: Some(&email), name: "Uma User", company: "TechCorp", least: 8 })
    }

    #[test]
    fn the_list_of_common_passwords_is_sorted() {
        assert!(COMMON.lines().is_sorted());
    }

    #[test]
    fn a_good_password_is_accepted() {
        for good in
            ["SecurePass123!", "correct horse battery staple", "пароль-от-всего-мира", "techcorp is where I work"]
        {
            assert!(verdict(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn a_bad_one_is_refused_with_its_reason() {
        for (bad, reason) in [
            ("short", "at least 8"),
            ("password123", "most common"),
            ("Password123", "most common"),
            ("techcorp2026!", "techcorp"),
            ("uma.user@techcorp.com", "uma.user@techcorp.com"),
            ("zzzzzzzzzzzz", "repeats"),
            (&"x".repeat(1025), "at most 1024"),
        ] {
            let Err(Error::Invalid(flaws)) = verdict(bad) else { panic!("{bad} was accepted") };
            assert!(flaws[0].message.contains(reason), "{bad}: {}", flaws[0].message);
        }
    }

    #[test]
    fn the_same_password_typed_another_way_counts_the_same() {
        // Full-width letters.
        assert!(verdict("ｐａｓｓｗｏｒｄ１２３").is_err());
    }
}

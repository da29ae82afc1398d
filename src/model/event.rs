//! The audit trail's vocabulary. Every rule that changes something says which of these happened when it commits.

use serde_json::{Value, json};

use super::id::{AccountId, CompanyId, LoginId};
use super::role::Role;

/// What happened. The transaction adds who, for which company, when and from where.
#[derive(Debug, Clone)]
pub enum Event {
    /// A company and its first admin came to be.
    CompanyRegistered,
    /// The company's name, look or policy changed; the names of the fields.
    CompanyChanged(Vec<&'static str>),
    /// Somebody signed in; how (RFC 8176).
    SignedIn {
        /// The new login.
        login: LoginId,
        /// Authentication methods.
        amr: Vec<String>,
    },
    /// A sign-in was refused; why.
    SignInFailed(&'static str),
    /// A second-factor code was refused.
    SecondFactorFailed,
    /// A login ended at its owner's wish.
    SignedOut(LoginId),
    /// A client did not take the notice of a logout for so long that it was given up.
    LogoutNoticeLost {
        /// The client.
        client: String,
        /// The login that had ended.
        login: LoginId,
    },
    /// Every login but perhaps one ended, after a credential changed.
    LoginsEnded,
    /// A first TOTP code was right: the second factor is on.
    TotpEnabled,
    /// The second factor is off.
    TotpDisabled,
    /// Ten new backup codes; the old are void.
    BackupCodesRenewed,
    /// A backup code was used; how many are left.
    BackupCodeUsed {
        /// Unused codes.
        left: i64,
    },
    /// A new password, by somebody who knew the old one.
    PasswordChanged,
    /// A link to choose a new password was asked for.
    PasswordResetAsked,
    /// A new password, by a mailed link.
    PasswordReset,
    /// The address is the person's own.
    EmailVerified,
    /// A new address waits for its confirmation.
    EmailChangeAsked,
    /// The new address is confirmed.
    EmailChanged,
    /// Name or claims changed; the names of the fields.
    ProfileChanged(Vec<&'static str>),
    /// The person allowed a client these scopes.
    ConsentGiven {
        /// The client.
        client: String,
        /// Space-separated.
        scope: String,
    },
    /// The person refused a client.
    ConsentDenied {
        /// The client.
        client: String,
    },
    /// The person took a consent back; the client's tokens died.
    ConsentWithdrawn {
        /// The client.
        client: String,
    },
    /// A client got tokens.
    TokensIssued {
        /// The client.
        client: String,
        /// RFC 6749 grant type.
        grant_type: &'static str,
    },
    /// A code came a second time: what the first use gave is dead.
    CodeReused {
        /// The client.
        client: String,
    },
    /// A replaced refresh token came after its successor was used: the family is dead.
    RefreshTokenReused {
        /// The client.
        client: String,
    },
    /// A client handed a token back (RFC 7009).
    TokenRevoked {
        /// The client.
        client: String,
    },
    /// Somebody became a member.
    MemberAdded {
        /// Who.
        account: AccountId,
        /// As what.
        role: Role,
    },
    /// A member's role changed.
    MemberRoleChanged {
        /// Who.
        account: AccountId,
        /// Was.
        from: Role,
        /// Is.
        to: Role,
    },
    /// A membership ended; its tokens died.
    MemberEnded {
        /// Who.
        account: AccountId,
    },
    /// An ended membership began again.
    MemberRestored {
        /// Who.
        account: AccountId,
    },
    /// An admin took a member's second factor away, because it was lost.
    MemberTotpReset {
        /// Who.
        account: AccountId,
    },
    /// Somebody who has an account was invited; they have not answered yet.
    MemberInvited {
        /// The address, masked: whose it is, is not the company's business yet.
        email: String,
        /// As what.
        role: Role,
    },
    /// An admin let us send a member a link to choose a password.
    MemberPasswordLinkSent {
        /// Who.
        account: AccountId,
    },
    /// An account was switched off everywhere.
    AccountDisabled,
    /// An account was switched on again.
    AccountEnabled,
    /// A client was registered.
    ClientCreated {
        /// The client.
        client: String,
    },
    /// A client's registration changed.
    ClientChanged {
        /// The client.
        client: String,
        /// What about it.
        what: &'static str,
    },
    /// A client registered itself.
    ClientRegistered {
        /// The client.
        client: String,
    },
    /// A client is gone, with its grants and tokens.
    ClientDeleted {
        /// The client.
        client: String,
    },
    /// A token was made that lets its bearer register clients.
    RegistrationTokenCreated,
    /// A resource was registered; its identifier.
    ResourceCreated(String),
    /// A resource's registration changed; its identifier.
    ResourceChanged(String),
    /// A resource is gone; its identifier.
    ResourceDeleted(String),
    /// The signing keys moved on; the keys that sign now.
    KeysRotated {
        /// Their ids.
        kids: Vec<String>,
    },
}

/// An event as the trail keeps it.
#[derive(Debug)]
pub struct Line {
    /// A stable word.
    pub action: &'static str,
    /// Whose matter, where it is not the actor's own.
    pub subject: Option<AccountId>,
    /// The client concerned.
    pub client: Option<String>,
    /// What else there is to say; never a secret.
    pub detail: Value,
}

impl Event {
    /// How the trail keeps it.
    pub fn line(&self) -> Line {
        let line = |action| Line { action, subject: None, client: None, detail: json!({}) };
        let with = |action, detail| Line { detail, ..line(action) };
        let of = |action, account: &AccountId, detail| Line { subject: Some(*account), detail, ..line(action) };
        let by = |action, client: &String, detail| Line { client: Some(client.clone()), detail, ..line(action) };
        match self {
            Self::CompanyRegistered => line("company.registered"),
            Self::CompanyChanged(fields) => with("company.changed", json!({ "fields": fields })),
            Self::SignedIn { login, amr } => with("sign_in.succeeded", json!({ "login": login, "amr": amr })),
            Self::SignInFailed(why) => with("sign_in.failed", json!({ "reason": why })),
            Self::SecondFactorFailed => line("second_factor.failed"),
            Self::SignedOut(login) => with("login.ended", json!({ "login": login })),
            Self::LogoutNoticeLost { client, login } => by("logout_notice.lost", client, json!({ "login": login })),
            Self::LoginsEnded => line("logins.ended"),
            Self::TotpEnabled => line("second_factor.enabled"),
            Self::TotpDisabled => line("second_factor.disabled"),
            Self::BackupCodesRenewed => line("backup_codes.renewed"),
            Self::BackupCodeUsed { left } => with("backup_code.used", json!({ "left": left })),
            Self::PasswordChanged => line("password.changed"),
            Self::PasswordResetAsked => line("password.reset_asked"),
            Self::PasswordReset => line("password.reset"),
            Self::EmailVerified => line("email.verified"),
            Self::EmailChangeAsked => line("email.change_asked"),
            Self::EmailChanged => line("email.changed"),
            Self::ProfileChanged(fields) => with("profile.changed", json!({ "fields": fields })),
            Self::ConsentGiven { client, scope } => by("consent.given", client, json!({ "scope": scope })),
            Self::ConsentDenied { client } => by("consent.denied", client, json!({})),
            Self::ConsentWithdrawn { client } => by("consent.withdrawn", client, json!({})),
            Self::TokensIssued { client, grant_type } => {
                by("tokens.issued", client, json!({ "grant_type": grant_type }))
            }
            Self::CodeReused { client } => by("code.reused", client, json!({})),
            Self::RefreshTokenReused { client } => by("refresh_token.reused", client, json!({})),
            Self::TokenRevoked { client } => by("token.revoked", client, json!({})),
            Self::MemberAdded { account, role } => of("member.added", account, json!({ "role": role })),
            Self::MemberRoleChanged { account, from, to } => {
                of("member.role_changed", account, json!({ "from": from, "to": to }))
            }
            Self::MemberEnded { account } => of("member.ended", account, json!({})),
            Self::MemberRestored { account } => of("member.restored", account, json!({})),
            Self::MemberTotpReset { account } => of("member.second_factor_reset", account, json!({})),
            Self::MemberInvited { email, role } => with("member.invited", json!({ "email": email, "role": role })),
            Self::MemberPasswordLinkSent { account } => of("member.password_link_sent", account, json!({})),
            Self::AccountDisabled => line("account.disabled"),
            Self::AccountEnabled => line("account.enabled"),
            Self::ClientCreated { client } => by("client.created", client, json!({})),
            Self::ClientChanged { client, what } => by("client.changed", client, json!({ "what": what })),
            Self::ClientRegistered { client } => by("client.registered", client, json!({})),
            Self::ClientDeleted { client } => by("client.deleted", client, json!({})),
            Self::RegistrationTokenCreated => line("registration_token.created"),
            Self::ResourceCreated(identifier) => with("resource.created", json!({ "identifier": identifier })),
            Self::ResourceChanged(identifier) => with("resource.changed", json!({ "identifier": identifier })),
            Self::ResourceDeleted(identifier) => with("resource.deleted", json!({ "identifier": identifier })),
            Self::KeysRotated { kids } => with("keys.rotated", json!({ "kids": kids })),
        }
    }
}

/// Who did it and for whom, as the transaction knows it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Whose {
    /// The company whose trail it joins.
    pub company: Option<CompanyId>,
    /// Who acted.
    pub account: Option<AccountId>,
}

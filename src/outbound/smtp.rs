//! Hands letters to the operator's mail server, in a real SMTP conversation. It must never be waited for by a request.

use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use crate::model::error::{Error, Result};
use crate::model::letter::Letter;
use crate::model::settings::{Settings, SmtpTls};

/// The way to the mail server.
#[derive(Debug)]
pub struct Postman {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Postman {
    /// `None` where no mail server is configured.
    ///
    /// # Errors
    /// The sender is no address, or the extra CA cannot be read.
    pub fn new(settings: &Settings) -> Result<Option<Self>> {
        let Some(smtp) = &settings.smtp else { return Ok(None) };
        let from = smtp.from.parse().map_err(|error| Error::fault(format!("SMTP_FROM cannot be used: {error}")))?;
        let mut parameters = TlsParameters::builder(smtp.host.clone());
        if let Some(path) = &settings.outbound_ca {
            let pem =
                std::fs::read(path).map_err(|error| Error::fault(format!("OUTBOUND_CA cannot be read: {error}")))?;
            parameters = parameters.add_root_certificate(Certificate::from_pem(&pem).map_err(Error::fault)?);
        }
        let tls = match smtp.tls {
            SmtpTls::None => Tls::None,
            SmtpTls::StartTls => Tls::Required(parameters.build().map_err(Error::fault)?),
            SmtpTls::Tls => Tls::Wrapper(parameters.build().map_err(Error::fault)?),
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host)
            .port(smtp.port)
            .tls(tls)
            .timeout(Some(std::time::Duration::from_secs(20)));
        if let (Some(user), Some(password)) = (&smtp.user, &smtp.password) {
            transport = transport.credentials(Credentials::new(user.clone(), password.reveal().to_owned()));
        }
        Ok(Some(Self { transport: transport.build(), from }))
    }

    /// Sends one letter.
    ///
    /// # Errors
    /// What the mail server said.
    pub async fn send(&self, letter: &Letter) -> std::result::Result<(), String> {
        let to: Mailbox = letter.to.parse().map_err(|error| format!("the address cannot be used: {error}"))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(&letter.subject)
            // RFC 3834, section 5: nobody's holiday notice should answer.
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone()))
            .map_err(|error| error.to_string())?;
        self.transport.send(message).await.map(drop).map_err(|error| error.to_string())
    }

    /// Whether the mail server answers.
    ///
    /// # Errors
    /// What went wrong.
    pub async fn greet(&self) -> std::result::Result<(), String> {
        match self.transport.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err("the mail server does not answer as one".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

#[derive(Debug, Clone)]
struct AutoSubmitted;

impl lettre::message::header::Header for AutoSubmitted {
    fn name() -> lettre::message::header::HeaderName {
        lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> std::result::Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> lettre::message::header::HeaderValue {
        lettre::message::header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

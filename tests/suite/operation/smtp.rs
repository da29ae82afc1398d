//! Letters leave in a real SMTP conversation, and none is lost when the mail server is not there.

use std::sync::{Arc, Mutex};

use countersign::domain::delivery;
use time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Provider, port};

/// What a mail server took in: envelope and message.
type Taken = Arc<Mutex<Vec<(String, String)>>>;

/// A mail server as RFC 5321 says, with room for nothing but letters.
async fn mail_server(port: u16) -> Taken {
    let taken = Taken::default();
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let inside = Arc::clone(&taken);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, Arc::clone(&inside)));
        }
    });
    taken
}

async fn converse(stream: TcpStream, taken: Taken) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
    let (mut to, mut message, mut reading) = (String::new(), String::new(), false);
    while let Ok(Some(line)) = lines.next_line().await {
        let answer: &[u8] = if reading {
            if line != "." {
                message.push_str(&line);
                message.push('\n');
                continue;
            }
            reading = false;
            taken.lock().unwrap().push((std::mem::take(&mut to), std::mem::take(&mut message)));
            b"250 2.0.0 taken\r\n"
        } else if line.starts_with("EHLO") {
            b"250-mail.example\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n"
        } else if let Some(credentials) = line.strip_prefix("AUTH PLAIN ") {
            message.push_str("Signed in with ");
            message.push_str(credentials);
            message.push('\n');
            b"235 2.7.0 welcome\r\n"
        } else if let Some(address) = line.strip_prefix("RCPT TO:") {
            address.trim_matches(['<', '>']).clone_into(&mut to);
            b"250 2.1.5 ok\r\n"
        } else if line == "DATA" {
            reading = true;
            b"354 go on\r\n"
        } else if line == "QUIT" {
            b"221 bye\r\n"
        } else {
            b"250 ok\r\n"
        };
        if write.write_all(answer).await.is_err() {
            return;
        }
    }
}

async fn provider(port: u16) -> Provider {
    let port = port.to_string();
    let settings = [
        ("SMTP_HOST", "127.0.0.1"),
        ("SMTP_PORT", &port),
        ("SMTP_TLS", "none"),
        ("SMTP_FROM", "Sign-in <no-reply@id.example>"),
    ];
    Provider::start_with(&settings).await
}

async fn ask(provider: &Provider, email: &str) {
    let body = serde_json::json!({ "email": email });
    let answer = provider.stranger().post(provider.url("/api/auth/forgot-password")).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 204);
}

#[tokio::test]
async fn a_letter_reaches_the_mail_server_as_text_and_as_html() {
    let port = port::free();
    let taken = mail_server(port).await;
    let provider = provider(port).await;
    let (_, admin) = provider.company("TechCorp").await;
    ask(&provider, &admin.email).await;
    assert_eq!(delivery::deliver(&provider.house, &provider.house.job("mail")).await.unwrap(), 1);
    let letters = taken.lock().unwrap().clone();
    let (to, message) = &letters[0];
    assert_eq!(*to, admin.email);
    for part in [
        "From: Sign-in <no-reply@id.example>",
        "Subject: Choose a new password",
        "Auto-Submitted: auto-generated",
        "text/plain",
        "text/html",
        "/reset-password?token=",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    // Once.
    assert_eq!(delivery::deliver(&provider.house, &provider.house.job("mail")).await.unwrap(), 0);
}

#[tokio::test]
async fn the_account_of_the_mail_server_is_used_where_there_is_one() {
    let port = port::free();
    let taken = mail_server(port).await;
    let text = port.to_string();
    let settings = [
        ("SMTP_HOST", "127.0.0.1"),
        ("SMTP_PORT", text.as_str()),
        ("SMTP_TLS", "none"),
        ("SMTP_FROM", "no-reply@id.example"),
        ("SMTP_USER", "postman"),
        ("SMTP_PASSWORD", "sesame"),
    ];
    let provider = Provider::start_with(&settings).await;
    let (_, admin) = provider.company("TechCorp").await;
    ask(&provider, &admin.email).await;
    delivery::deliver(&provider.house, &provider.house.job("mail")).await.unwrap();
    // RFC 4616: NUL, user, NUL, password.
    assert!(taken.lock().unwrap()[0].1.starts_with("Signed in with AHBvc3RtYW4Ac2VzYW1l\n"));
}

#[tokio::test]
async fn a_dead_mail_server_loses_nothing_and_slows_nobody() {
    let port = port::free();
    let provider = provider(port).await;
    let (_, admin) = provider.company("TechCorp").await;
    ask(&provider, &admin.email).await;
    delivery::deliver(&provider.house, &provider.house.job("mail")).await.unwrap();
    let taken = mail_server(port).await;
    // Not hammered: the next try has its time.
    assert_eq!(delivery::deliver(&provider.house, &provider.house.job("mail")).await.unwrap(), 0);
    provider.wait(Duration::minutes(2));
    assert_eq!(delivery::deliver(&provider.house, &provider.house.job("mail")).await.unwrap(), 1);
    assert_eq!(taken.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn the_outbox_holds_no_link_in_clear() {
    let provider = provider(port::free()).await;
    let (_, admin) = provider.company("TechCorp").await;
    ask(&provider, &admin.email).await;
    let mut conn = provider.database.superuser().await;
    let sealed: Vec<u8> = sqlx::query_scalar("select message_sealed from outbox").fetch_one(&mut conn).await.unwrap();
    let text = String::from_utf8_lossy(&sealed);
    assert!(!text.contains("reset-password") && !text.contains(&admin.email));
}

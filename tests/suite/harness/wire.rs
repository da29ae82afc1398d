//! A wire between a provider and PostgreSQL. It reads along, message by message, counts what is sent, and can fail in the ways
//! that networks and databases do. It changes nothing on the way.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use url::Url;

use super::database::Fresh;

/// Where on the way the connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// The message is never delivered.
    Before,
    /// PostgreSQL has done it and said so, but nobody hears.
    AnswerLost,
}

/// What went over the wire since the last reset.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    /// The text of each simple query and of each execution of a prepared statement, in order.
    pub messages: Vec<String>,
    /// How often the client waited for an answer.
    pub round_trips: usize,
}

/// The next of these messages breaks its connection.
#[derive(Debug)]
struct Trap {
    /// Not before a message with this in it.
    after: Option<String>,
    part: String,
    at: Break,
    left: usize,
}

#[derive(Debug)]
struct Line {
    target: Mutex<Url>,
    traffic: Mutex<Traffic>,
    trap: Mutex<Option<Trap>>,
    open: AtomicUsize,
    most_open: AtomicUsize,
    stalled: watch::Sender<bool>,
    /// Connections with lower numbers are held for ever.
    stranded: AtomicUsize,
    next: AtomicUsize,
    refusing: watch::Sender<bool>,
    /// How often everything was cut.
    cuts: watch::Sender<usize>,
}

/// The wire. It ends with this value.
pub struct Wire {
    database: Fresh,
    line: Arc<Line>,
    listening: tokio::task::JoinHandle<()>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.listening.abort();
        self.cut();
    }
}

impl Wire {
    /// In front of this database.
    pub async fn to(database: &Fresh) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let target: Url = database.app_url.parse().unwrap();
        let mut app_url = target.clone();
        app_url.set_query(None);
        app_url.set_host(Some("127.0.0.1")).unwrap();
        app_url.set_port(Some(port)).unwrap();
        let line = Arc::new(Line {
            target: Mutex::new(target),
            traffic: Mutex::default(),
            trap: Mutex::default(),
            open: AtomicUsize::new(0),
            most_open: AtomicUsize::new(0),
            stalled: watch::Sender::new(false),
            stranded: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
            refusing: watch::Sender::new(false),
            cuts: watch::Sender::new(0),
        });
        let listening = tokio::spawn(listen(listener, Arc::clone(&line)));
        Self { database: Fresh { app_url: app_url.into(), ..database.clone() }, line, listening }
    }

    /// The same database, for whoever shall reach it over this wire. The superuser goes beside it.
    pub fn database(&self) -> Fresh {
        self.database.clone()
    }

    /// From now on new connections lead to this server (the address of a service that moved). Those that are open stay.
    pub fn lead_to(&self, url: &str) {
        *held(&self.line.target) = url.parse().unwrap();
    }

    /// Begins to count anew.
    pub fn reset(&self) {
        *held(&self.line.traffic) = Traffic::default();
        self.line.most_open.store(self.line.open.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// Everything since the last reset.
    pub fn traffic(&self) -> Traffic {
        held(&self.line.traffic).clone()
    }

    /// The statements since the last reset, without those that only open and close transactions and set their scope.
    pub fn statements(&self) -> Vec<String> {
        let mut messages = self.traffic().messages;
        messages.retain(|text| {
            let first = text.split_whitespace().next().unwrap_or_default().trim_end_matches(';').to_lowercase();
            !["begin", "commit", "rollback", "set", ""].contains(&first.as_str())
        });
        messages
    }

    /// Connections that are open now, and the most that ever were since the last reset.
    pub fn connections(&self) -> (usize, usize) {
        (self.line.open.load(Ordering::SeqCst), self.line.most_open.load(Ordering::SeqCst))
    }

    /// Resets every connection at once.
    pub fn cut(&self) {
        self.line.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// The next message whose text has this in it (`commit`, part of a statement, in lower case) breaks its connection.
    pub fn cut_at(&self, part: &str, at: Break) {
        self.cut_times(part, at, 1);
    }

    /// As [`Wire::cut_at`], so many times.
    pub fn cut_times(&self, part: &str, at: Break, times: usize) {
        *held(&self.line.trap) = Some(Trap { after: None, part: part.to_owned(), at, left: times });
    }

    /// As [`Wire::cut_at`], once a message with the other text has passed.
    pub fn cut_after(&self, after: &str, part: &str, at: Break) {
        *held(&self.line.trap) = Some(Trap { after: Some(after.to_owned()), part: part.to_owned(), at, left: 1 });
    }

    /// How many of the messages that [`Wire::cut_times`] waits for are still to come.
    pub fn traps_left(&self) -> usize {
        held(&self.line.trap).as_ref().map_or(0, |trap| trap.left)
    }

    /// Holds every byte back, in both directions, until [`Wire::go_on`]. Nothing is closed.
    pub fn stall(&self) {
        self.line.stalled.send_replace(true);
    }

    /// The host at the other end vanishes without a word: the connections that are open now never answer again. New ones do.
    pub fn strand(&self) {
        self.line.stranded.store(self.line.next.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// Ends a stall, or a refusal.
    pub fn go_on(&self) {
        self.line.stalled.send_replace(false);
        self.line.refusing.send_replace(false);
    }

    /// New connections are refused until [`Wire::go_on`].
    pub fn refuse(&self) {
        self.line.refusing.send_replace(true);
    }
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap()
}

async fn listen(listener: TcpListener, line: Arc<Line>) {
    let address = listener.local_addr().unwrap();
    let mut refusing = line.refusing.subscribe();
    let mut open = Some(listener);
    loop {
        let Some(listener) = open.take() else {
            refusing.wait_for(|refused| !refused).await.unwrap();
            open = TcpListener::bind(address).await.ok();
            continue;
        };
        tokio::select! {
            // Without a listener the kernel refuses.
            _ = refusing.wait_for(|refused| *refused) => drop(listener),
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    tokio::spawn(connection(client, Arc::clone(&line)));
                }
                open = Some(listener);
            }
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// PostgreSQL, by TCP or by the socket that the URL's query names.
async fn reach(target: &Url) -> std::io::Result<Box<dyn Stream>> {
    let port = target.port().unwrap_or(5432);
    if let Some((_, folder)) = target.query_pairs().find(|(name, _)| name == "host") {
        return Ok(Box::new(UnixStream::connect(format!("{folder}/.s.PGSQL.{port}")).await?));
    }
    let server = TcpStream::connect((target.host_str().unwrap(), port)).await?;
    server.set_nodelay(true)?;
    Ok(Box::new(server))
}

async fn connection(mut client: TcpStream, line: Arc<Line>) {
    let mut cuts = line.cuts.subscribe();
    let number = line.next.fetch_add(1, Ordering::SeqCst);
    let open = line.open.fetch_add(1, Ordering::SeqCst) + 1;
    line.most_open.fetch_max(open, Ordering::SeqCst);
    let target = held(&line.target).clone();
    client.set_nodelay(true).unwrap();
    if let Ok(server) = reach(&target).await {
        let (from_server, to_server) = tokio::io::split(server);
        let (from_client, to_client) = client.split();
        let (deaf, hears) = watch::channel(false);
        let end = tokio::select! {
            end = outward(from_client, to_server, (&line, number), deaf) => end,
            end = homeward(from_server, to_client, (&line, number), hears) => end,
            _ = cuts.changed() => Ok(End::Cut),
        };
        if matches!(end, Ok(End::Cut)) {
            // A reset: what the kernel still holds is gone too.
            client.set_zero_linger().ok();
        }
    }
    line.open.fetch_sub(1, Ordering::SeqCst);
}

/// How a connection ended, where it was not the client who went.
enum End {
    /// PostgreSQL closed it.
    Closed,
    /// We did.
    Cut,
}

async fn unless_stalled(line: &Line, number: usize) {
    if number < line.stranded.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    let mut stalled = line.stalled.subscribe();
    stalled.wait_for(|stalled| !stalled).await.unwrap();
}

/// What the client says: the untyped messages of the start, then typed ones.
async fn outward(
    mut client: impl AsyncRead + Unpin,
    mut server: impl AsyncWrite + Unpin,
    (line, number): (&Line, usize),
    deaf: watch::Sender<bool>,
) -> std::io::Result<End> {
    let mut speech = Speech::default();
    loop {
        let kind = if speech.started { Some(client.read_u8().await?) } else { None };
        let length = client.read_u32().await?;
        let mut body = vec![0; usize::try_from(length).unwrap().saturating_sub(4)];
        client.read_exact(&mut body).await?;
        let mut message: Vec<u8> = kind.into_iter().collect();
        message.extend(length.to_be_bytes());
        message.extend(&body);
        unless_stalled(line, number).await;
        match speech.hear(kind, &body, line) {
            Some(Break::Before) => return Ok(End::Cut),
            Some(Break::AnswerLost) => drop(deaf.send_replace(true)),
            None => {}
        }
        server.write_all(&message).await?;
        server.flush().await?;
    }
}

/// What PostgreSQL says. Once the client shall hear nothing more, the connection ends as soon as PostgreSQL has finished.
async fn homeward(
    mut server: impl AsyncRead + Unpin,
    mut client: impl AsyncWrite + Unpin,
    (line, number): (&Line, usize),
    deaf: watch::Receiver<bool>,
) -> std::io::Result<End> {
    let mut bytes = vec![0; 64 * 1024];
    let mut unheard = Vec::new();
    loop {
        let read = server.read(&mut bytes).await?;
        if read == 0 {
            return Ok(End::Closed);
        }
        unless_stalled(line, number).await;
        if *deaf.borrow() {
            unheard.extend(&bytes[..read]);
            // ReadyForQuery: five bytes and the state of the transaction.
            if unheard.len() >= 6 && unheard[unheard.len() - 6..].starts_with(&[b'Z', 0, 0, 0, 5]) {
                return Ok(End::Cut);
            }
        } else {
            client.write_all(&bytes[..read]).await?;
        }
    }
}

/// What one connection has prepared and bound.
#[derive(Debug, Default)]
struct Speech {
    started: bool,
    statements: HashMap<Vec<u8>, String>,
    portals: HashMap<Vec<u8>, Vec<u8>>,
}

impl Speech {
    /// Notes a message, and says whether the connection breaks at it.
    fn hear(&mut self, kind: Option<u8>, body: &[u8], line: &Line) -> Option<Break> {
        let mut words = body.split(|byte| *byte == 0);
        let mut word = || words.next().unwrap_or_default().to_vec();
        let text = match kind {
            None => {
                // A request for TLS (80877103) comes before the start; whoever cancels says nothing more.
                self.started = !body.starts_with(&80_877_103_u32.to_be_bytes());
                return None;
            }
            Some(b'P') => {
                let (name, text) = (word(), word());
                self.statements.insert(name, String::from_utf8(text).unwrap());
                return None;
            }
            Some(b'B') => {
                let (portal, statement) = (word(), word());
                self.portals.insert(portal, statement);
                return None;
            }
            Some(b'S') => {
                held(&line.traffic).round_trips += 1;
                return None;
            }
            Some(b'Q') => {
                let text = String::from_utf8(word()).unwrap();
                // Whether a server takes writes is asked whenever some connection of this process broke: another test's matter.
                if text == "show transaction_read_only" {
                    return None;
                }
                held(&line.traffic).round_trips += 1;
                text
            }
            Some(b'E') => self.portals.get(&word()).and_then(|name| self.statements.get(name)).cloned()?,
            Some(_) => return None,
        };
        let caught = {
            let mut trap = held(&line.trap);
            let says = |part: &str| text.to_lowercase().contains(part);
            if let Some(trap) = trap.as_mut().filter(|trap| trap.after.as_deref().is_some_and(says)) {
                trap.after = None;
            }
            let sprung = trap.as_mut().filter(|trap| trap.left > 0 && trap.after.is_none() && says(&trap.part));
            sprung.map(|trap| {
                trap.left -= 1;
                trap.at
            })
        };
        held(&line.traffic).messages.push(text);
        caught
    }
}

//! One connection: HTTP/1.1 kept alive over plain TCP, one request at a time. Nothing is copied or allocated for an answer that fits
//! the buffer, and no header is looked at that nobody asks for.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Room for any page of a provider.
const ROOM: usize = 32 * 1024;

/// What went wrong, as a kind that can be counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure(pub Cow<'static, str>);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&'static str> for Failure {
    fn from(text: &'static str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

pub type Result<T> = std::result::Result<T, Failure>;

/// An answer, in the connection's buffer.
#[derive(Debug)]
pub struct Answer<'a> {
    pub status: u16,
    head: &'a [u8],
    pub body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// The values of a header.
    pub fn headers(&self, name: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        let head = std::str::from_utf8(self.head).unwrap_or_default();
        head.split("\r\n").filter_map(|line| line.split_once(':')).filter_map(move |(found, value)| {
            let same = found.eq_ignore_ascii_case(name);
            same.then(|| value.trim())
        })
    }

    /// The answer, where it has this status.
    pub fn expect_status(self, status: u16, whom: &str) -> Result<Self> {
        if self.status == status { Ok(self) } else { Err(Failure::from(format!("status {} at {whom}", self.status))) }
    }
}

/// Where an answer lies.
struct Place {
    status: u16,
    head: usize,
    body: Body,
    closes: bool,
}

enum Body {
    InBuffer(Range<usize>),
    /// It came in chunks and was put together.
    Joined,
}

/// What the head says of the rest.
struct Head {
    status: u16,
    end: usize,
    length: Option<usize>,
    chunked: bool,
    closes: bool,
}

impl Head {
    fn read(bytes: &[u8]) -> Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; 48];
        let mut response = httparse::Response::new(&mut headers);
        let end = match response.parse(bytes) {
            Ok(httparse::Status::Complete(end)) => end,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err("an answer that is no HTTP".into()),
        };
        let mut head =
            Self { status: response.code.unwrap_or_default(), end, length: None, chunked: false, closes: false };
        for header in response.headers.iter() {
            let value = || std::str::from_utf8(header.value).unwrap_or_default();
            match header.name.len() {
                14 if header.name.eq_ignore_ascii_case("content-length") => head.length = value().parse().ok(),
                17 if header.name.eq_ignore_ascii_case("transfer-encoding") => head.chunked = true,
                10 if header.name.eq_ignore_ascii_case("connection") => {
                    head.closes = value().eq_ignore_ascii_case("close");
                }
                _ => {}
            }
        }
        if matches!(head.status, 204 | 304) {
            head.length = Some(0);
        }
        Ok(Some(head))
    }
}

/// A connection, which is made when it is needed.
#[derive(Debug)]
pub struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
    joined: Vec<u8>,
}

impl Connection {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, stream: None, buffer: Vec::with_capacity(ROOM), joined: Vec::new() }
    }

    /// Makes it anew: a server may have grown tired of one that was idle.
    pub async fn renew(&mut self) -> Result<()> {
        self.stream = None;
        let stream = TcpStream::connect(self.address).await.map_err(|_| Failure::from("no connection"))?;
        stream.set_nodelay(true).map_err(|_| Failure::from("no connection"))?;
        self.stream = Some(stream);
        Ok(())
    }

    /// Sends a request and waits for the whole answer.
    pub async fn ask(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        if self.stream.is_none() {
            self.renew().await?;
        }
        let place = match self.exchange(request).await {
            Ok(place) => place,
            Err(failure) => {
                self.stream = None;
                return Err(failure);
            }
        };
        if place.closes {
            self.stream = None;
        }
        let head = self.buffer.get(..place.head).unwrap_or_default();
        let body = match place.body {
            Body::InBuffer(range) => self.buffer.get(range).unwrap_or_default(),
            Body::Joined => &self.joined,
        };
        Ok(Answer { status: place.status, head, body })
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<Place> {
        let stream = self.stream.as_mut().ok_or("no connection")?;
        stream.write_all(request).await.map_err(|_| Failure::from("the connection broke"))?;
        self.buffer.clear();
        let head = loop {
            more(stream, &mut self.buffer).await?;
            if let Some(head) = Head::read(&self.buffer)? {
                break head;
            }
        };
        let body = if head.chunked {
            self.joined = loop {
                match joined(self.buffer.get(head.end..).unwrap_or_default())? {
                    Some(body) => break body,
                    None => more(stream, &mut self.buffer).await?,
                }
            };
            Body::Joined
        } else {
            let end = head.end + head.length.ok_or("an answer without a length")?;
            while self.buffer.len() < end {
                more(stream, &mut self.buffer).await?;
            }
            Body::InBuffer(head.end..end)
        };
        Ok(Place { status: head.status, head: head.end, body, closes: head.closes })
    }
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<()> {
    match stream.read_buf(buffer).await {
        Ok(0) => Err("the connection was closed".into()),
        Ok(_) => Ok(()),
        Err(_) => Err("the connection broke".into()),
    }
}

/// A body that came in chunks (RFC 9112, section 7.1); `None` while the last one is missing.
fn joined(mut bytes: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    loop {
        let (start, size) = match httparse::parse_chunk_size(bytes) {
            Ok(httparse::Status::Complete((start, size))) => (start, usize::try_from(size).unwrap_or(usize::MAX)),
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err("an answer that is no HTTP".into()),
        };
        let Some((chunk, rest)) = bytes.get(start..).and_then(|rest| rest.split_at_checked(size)) else {
            return Ok(None);
        };
        let Some(rest) = rest.strip_prefix(b"\r\n") else {
            return if rest.len() < 2 { Ok(None) } else { Err("an answer that is no HTTP".into()) };
        };
        if size == 0 {
            return Ok(Some(body));
        }
        body.extend_from_slice(chunk);
        bytes = rest;
    }
}

//! Ports for programs that are told where to listen, and start later.

use std::net::TcpListener;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below what systems lend to whoever asks for any port, so that nobody is given one before its program listens.
const FIRST: u16 = 10_000;
const COUNT: u16 = 20_000;

/// Another process of tests begins elsewhere.
static NEXT: LazyLock<AtomicU16> =
    LazyLock::new(|| AtomicU16::new(u16::try_from(std::process::id().wrapping_mul(97) % u32::from(COUNT)).unwrap()));

/// One that nobody listens on, given once.
pub fn free() -> u16 {
    loop {
        let port = FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

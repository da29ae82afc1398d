//! What a browser's cookie and other secrets cost beside the database: made, digested, sealed, opened, and read from a request.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot start has nothing to say")]

use std::collections::HashMap;

use divan::{Bencher, black_box};
use tower_sessions::cookie::Cookie;
use tower_sessions::session::Id;

use countersign::domain::sealing::Sealer;
use countersign::model::secret::{Digest, Secret};
use countersign::model::settings::{Mode, Settings};

fn main() {
    divan::main();
}

fn sealer() -> Sealer {
    Sealer::new(&Settings::read(&HashMap::new(), Mode::Dev).unwrap()).unwrap()
}

#[divan::bench]
fn make_a_secret() -> Secret {
    Secret::generate()
}

#[divan::bench]
fn digest_a_secret(bencher: Bencher<'_, '_>) {
    let secret = Secret::generate();
    bencher.bench(|| black_box(&secret).digest());
}

/// From the `Cookie` header to what the table is asked for.
#[divan::bench]
fn read_the_cookie(bencher: Bencher<'_, '_>) {
    let header = format!("countersign-state=seen; __Host-countersign={}", Id::default());
    bencher.bench(|| {
        let mut cookies = Cookie::split_parse(black_box(header.as_str())).filter_map(Result::ok);
        let cookie = cookies.find(|cookie| cookie.name() == "__Host-countersign").unwrap();
        let id: Id = cookie.value().parse().unwrap();
        Digest::of(&id.0.to_be_bytes())
    });
}

#[divan::bench]
fn seal(bencher: Bencher<'_, '_>) {
    let sealer = sealer();
    bencher.bench(|| sealer.seal("totp/0198c0d5", black_box(&[7; 20])).unwrap());
}

#[divan::bench]
fn open(bencher: Bencher<'_, '_>) {
    let sealer = sealer();
    let sealed = sealer.seal("totp/0198c0d5", &[7; 20]).unwrap();
    bencher.bench(|| sealer.open("totp/0198c0d5", black_box(&sealed)).unwrap());
}

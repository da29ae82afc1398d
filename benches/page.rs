//! A page: its template alone, and through every layer of the router (no database is asked).
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot start has nothing to say")]

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use divan::{Bencher, black_box};
use tower::ServiceExt as _;

use countersign::domain::house::House;
use countersign::http::headers::Nonce;
use countersign::http::page::error;
use countersign::http::routes::router;
use countersign::model::error::Error;
use countersign::model::settings::{Mode, Settings};
use countersign::storage::scope::Db;

fn main() {
    divan::main();
}

#[divan::bench]
fn template(bencher: Bencher<'_, '_>) {
    let nonce = Nonce("c2l4dGVlbiByYW5kb20gYg".to_owned());
    bencher.bench(|| error::show(black_box(&Error::NotFound("page")), "0198c0d5e1b27f3a9d0c5b6a7e8f9012", &nonce));
}

#[divan::bench]
fn through_every_layer(bencher: Bencher<'_, '_>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let router = runtime.block_on(async {
        let settings = Settings::read(&HashMap::new(), Mode::Dev).unwrap();
        // Opened when it is needed, which it never is.
        let db = Db::open("postgres://countersign_app@localhost/none", 1).unwrap();
        router(&Arc::new(House::build(settings, db).unwrap()))
    });
    bencher.bench(|| {
        let request = Request::get("/nowhere").header("accept", "text/html").body(Body::empty()).unwrap();
        let answer = runtime.block_on(router.clone().oneshot(black_box(request))).unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    });
}

//! The one-way arrow: `command`, `http` and `job` know `domain`, which knows `storage` and `outbound`, and all know `model`.

use std::fs;
use std::path::{Path, PathBuf};

/// A layer and the words that must not stand in it.
const FORBIDDEN: [(&str, &[&str]); 7] = [
    (
        "model",
        &[
            "crate::storage",
            "crate::outbound",
            "crate::domain",
            "crate::http",
            "crate::job",
            "crate::command",
            "sqlx::",
            "axum::",
            "reqwest::",
            "lettre::",
            "std::fs",
            "std::env::",
            "tokio::",
        ],
    ),
    (
        "storage",
        &[
            "crate::outbound",
            "crate::domain",
            "crate::http",
            "crate::job",
            "crate::command",
            "axum::",
            "reqwest::",
            "lettre::",
        ],
    ),
    (
        "outbound",
        &["crate::storage", "crate::domain", "crate::http", "crate::job", "crate::command", "axum::", "sqlx::"],
    ),
    (
        "domain",
        &[
            "crate::http",
            "crate::job",
            "crate::command",
            "axum::",
            "sqlx::",
            "StatusCode",
            "tower_sessions",
            "reqwest::",
        ],
    ),
    ("http", &["crate::job", "crate::command", "sqlx::", "reqwest::", "lettre::"]),
    ("job", &["crate::http", "crate::command", "sqlx::", "axum::", "lettre::", "reqwest::"]),
    ("command", &["sqlx::query"]),
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn no_layer_names_one_that_stands_above_it() {
    let mut broken = Vec::new();
    for (layer, words) in FORBIDDEN {
        let files = files(&source().join(layer));
        assert!(!files.is_empty(), "{layer} is empty");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            for (number, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                for word in words.iter().filter(|word| code.contains(**word)) {
                    broken.push(format!("{}:{}: {layer} names {word}", file.display(), number + 1));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn only_the_clock_reads_the_time() {
    let mut broken = Vec::new();
    for file in files(&source()) {
        // The library that keeps browser sessions compares with the system's clock, and its store answers it so.
        if file.ends_with("model/clock.rs") || file.ends_with("http/session_store.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        if text.contains("now_utc()") || text.contains("SystemTime::now") {
            broken.push(file.display().to_string());
        }
    }
    assert!(broken.is_empty(), "{broken:?}");
}

#[test]
fn no_statement_reads_the_databases_clock() {
    for file in files(&source().join("storage")) {
        // `Instant` measures how long things take; it tells no time.
        let text = fs::read_to_string(&file).unwrap().to_lowercase();
        let text = text.replace("instant::now()", "").replace("yield_now()", "");
        assert!(!text.contains("now()") && !text.contains("current_timestamp"), "{}", file.display());
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for file in files(&source()) {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//! "), "{} opens without a word", file.display());
    }
}

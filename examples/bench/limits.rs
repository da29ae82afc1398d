//! What arithmetic allows on this machine, measured in the same run: each limit is one thing alone, on every core, with nothing around it.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use josekit::jwk::alg::rsa::RsaKeyPair;
use josekit::jws::{JwsHeader, JwsSigner, RS256};
use josekit::jwt::{self, JwtPayload};
use serde_json::json;

use crate::Result;
use crate::house::Ground;
use crate::running::of_postgres;

/// As in `src/domain/hashing.rs`.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;

/// How often a second all cores together do this.
fn on_all_cores<W: FnMut() -> bool>(lasts: Duration, worker: impl Fn() -> Result<W> + Sync) -> Result<f64> {
    let cores = std::thread::available_parallelism()?.get();
    let each = |until: Instant| -> Result<u32> {
        let (mut work, mut done) = (worker()?, 0);
        while Instant::now() < until {
            if !work() {
                return Err("a limit could not be measured".into());
            }
            done += 1;
        }
        Ok(done)
    };
    let until = Instant::now() + lasts;
    let done = std::thread::scope(|scope| {
        let all: Vec<_> = (0..cores).map(|_| scope.spawn(|| each(until))).collect();
        all.into_iter().map(|one| one.join().map_err(|_| "a thread ended early")?).sum::<Result<u32>>()
    })?;
    Ok(f64::from(done) / lasts.as_secs_f64())
}

/// Access tokens signed with RS256 by a key that was parsed once.
pub fn signatures(lasts: Duration) -> Result<f64> {
    let signer = RS256.signer_from_jwk(&RsaKeyPair::generate(2048)?.to_jwk_private_key())?;
    let claims = json!({
        "iss": "http://localhost:8000", "sub": "usr_0198c0d5e1b27f3a9d0c5b6a7e8f9012", "aud": "http://localhost:8000",
        "client_id": "load", "sid": "log_0198c0d5e1b27f3a9d0c5b6a7e8f9012", "scope": "openid", "auth_time": 1_795_492_821,
        "acr": "urn:countersign:acr:pwd", "amr": ["pwd"], "company_id": "com_0198c0d5e1b27f3a9d0c5b6a7e8f9012",
        "company": "load", "roles": ["user"], "iat": 1_795_492_821, "exp": 1_795_494_621, "jti": "0198c0d5e1b27f3a9d0c5b6a7e8f9012",
    });
    let claims = JwtPayload::from_map(claims.as_object().cloned().unwrap_or_default())?;
    let mut header = JwsHeader::new();
    header.set_token_type("at+jwt");
    header.set_key_id("load");
    let signer: &(dyn JwsSigner + Sync) = &signer;
    on_all_cores(lasts, || Ok(|| jwt::encode_with_signer(&claims, &header, signer).is_ok()))
}

/// Passwords hashed with the product's parameters, each core with one block of memory that it uses again.
pub fn passwords(lasts: Duration) -> Result<f64> {
    on_all_cores(lasts, || {
        let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32)).map_err(|error| error.to_string())?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let (mut memory, mut out) = (vec![Block::default(); MEMORY_KIB as usize], [0_u8; 32]);
        Ok(move || argon.hash_password_into_with_memory(&[7; 32], b"a salt of sixteen", &mut out, &mut memory).is_ok())
    })
}

/// One prepared statement that finds one row under row-level security, over ten connections, by `pgbench`.
pub fn statements(lasts: Duration, ground: &Ground, folder: &Path) -> Result<f64> {
    let pgbench = of_postgres("pgbench").ok_or("pgbench is not installed")?;
    let script = folder.join("statement.sql");
    let id = ground.company.0;
    std::fs::write(&script, format!("select name from company where id = '{id}';\n"))?;
    let seconds = lasts.as_secs().max(1).to_string();
    let output = Command::new(pgbench)
        .args(["-n", "-M", "prepared", "-c", "10", "-j", "1", "-T", &seconds, "-f"])
        .arg(script)
        .arg(ground.app_url())
        .env("PGOPTIONS", format!("-c app.company_id={id}"))
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let tps = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    tps.ok_or_else(|| format!("pgbench: {}", String::from_utf8_lossy(&output.stderr)).into())
}

//! Password hashing: Argon2id with a keyed step, on a few OS threads of its own behind a bounded queue.
//!
//! Each thread keeps one block of memory and uses it again, until nobody has signed in for a while. When the queue is full the answer
//! is `Busy`, at once and before anything else is done: a storm of sign-ins must slow nothing but sign-ins.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Instant;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as B64;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;
use unicode_normalization::UnicodeNormalization as _;

use super::metrics::HashQueue;
use super::sealing::{DerivedKey, PEPPER, derive};
use crate::model::error::{Error, Result};
use crate::model::secret::{Secret, random};
use crate::model::settings::Settings;

/// OWASP's first recommendation for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
/// How many sign-ins are in work for each thread: enough that none waits for the database.
const TURNS: usize = 4;
/// Whoever waited so long for their turn is told to come again: those before them hang.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);
/// How long a thread without work keeps its memory.
const IDLE: std::time::Duration = std::time::Duration::from_secs(10);

/// What a check of a password found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the password.
    Wrong,
    /// It is.
    Right,
    /// It is, and the hash should be replaced by this one, made with today's parameters.
    RightButOld(String),
}

enum Job {
    Hash(Secret, oneshot::Sender<Result<String>>),
    Verify(Secret, Option<String>, oneshot::Sender<Result<Verdict>>),
}

/// The hash pool.
#[derive(Debug)]
pub struct Hashing {
    queue: SyncSender<(Instant, Job)>,
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    metrics: HashQueue,
}

/// A place among those whose password is looked at: free again when this is dropped.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

/// The turn of somebody who has a place: of those who have one, only as many are in work as keep the threads busy, so that what a storm of
/// sign-ins asks of the database and of the processor comes little by little.
#[derive(Debug)]
pub struct Turn {
    _place: Place,
    _permit: OwnedSemaphorePermit,
}

/// Somebody who waits, counted for as long as that takes.
struct Waiting<'a>(&'a HashQueue);

impl<'a> Waiting<'a> {
    fn at(queue: &'a HashQueue) -> Self {
        queue.waiting.inc();
        Self(queue)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.dec();
    }
}

/// Lets everything else go first: a sign-in may wait for a moment, other requests should not. On Linux niceness belongs to the
/// thread; elsewhere to the whole process, so nothing is done there.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(10) {
        tracing::warn!(%error, "hash threads run at the priority of everything else");
    }
}

impl Hashing {
    /// Starts the threads.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(settings: &Settings, metrics: HashQueue) -> Result<Self> {
        let (queue, jobs) = sync_channel(settings.password_hash_queue);
        let jobs = Arc::new(Mutex::new(jobs));
        let keys = derive(settings, PEPPER)?;
        for n in 0..settings.password_hash_threads.max(1) {
            let (jobs, worker) = (Arc::clone(&jobs), Worker { keys: keys.clone(), metrics: metrics.clone() });
            std::thread::Builder::new()
                .name(format!("hash-{n}"))
                .spawn(move || {
                    step_back();
                    work(&jobs, &worker);
                })
                .map_err(Error::fault)?;
        }
        let threads = settings.password_hash_threads.max(1);
        let places = Arc::new(Semaphore::new(settings.password_hash_queue + threads));
        Ok(Self { queue, places, turns: Arc::new(Semaphore::new(threads * TURNS)), metrics })
    }

    /// A place for somebody who signs in, before anything is asked of the database for them.
    ///
    /// # Errors
    /// `Busy` where as many sign in as may wait.
    pub fn place(&self) -> Result<Place> {
        let permit = Arc::clone(&self.places).try_acquire_owned();
        permit.map(|permit| Place { _permit: permit }).map_err(|_| {
            self.metrics.refused.inc();
            Error::Busy(Duration::seconds(2))
        })
    }

    /// The turn of whoever has this place, in the order in which they come.
    ///
    /// # Errors
    /// `Busy` where it does not come.
    pub async fn turn(&self, place: Place) -> Result<Turn> {
        let since = Instant::now();
        let waiting = Waiting::at(&self.metrics);
        let Ok(permit) = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await else {
            self.metrics.refused.inc();
            return Err(Error::Busy(Duration::seconds(2)));
        };
        let permit = permit.map_err(Error::fault)?;
        drop(waiting);
        self.metrics.turn.observe(since.elapsed());
        Ok(Turn { _place: place, _permit: permit })
    }

    /// The PHC string of a new password.
    #[tracing::instrument(target = "countersign_parts", level = "debug", name = "hash password", skip_all)]
    pub async fn hash(&self, password: Secret) -> Result<String> {
        let (answer, waiting) = oneshot::channel();
        self.send(Job::Hash(password, answer))?;
        waiting.await.map_err(Error::fault)?
    }

    /// Whether this is the password of this hash. Without a hash it takes as long, and is wrong.
    #[tracing::instrument(target = "countersign_parts", level = "debug", name = "verify password", skip_all)]
    pub async fn verify(&self, password: Secret, hash: Option<String>) -> Result<Verdict> {
        let (answer, waiting) = oneshot::channel();
        self.send(Job::Verify(password, hash, answer))?;
        waiting.await.map_err(Error::fault)?
    }

    fn send(&self, job: Job) -> Result<()> {
        self.metrics.waiting.inc();
        self.queue.try_send((Instant::now(), job)).map_err(|error| {
            self.metrics.waiting.dec();
            match error {
                TrySendError::Full(_) => {
                    self.metrics.refused.inc();
                    Error::Busy(Duration::seconds(2))
                }
                TrySendError::Disconnected(_) => Error::fault("the hash threads are gone"),
            }
        })
    }
}

fn work(jobs: &Mutex<Receiver<(Instant, Job)>>, worker: &Worker) {
    let mut memory = Vec::new();
    loop {
        let job = match jobs.lock() {
            Ok(jobs) => jobs.recv_timeout(IDLE),
            Err(_) => return,
        };
        let (since, job) = match job {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout) => {
                memory = Vec::new();
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        memory.resize(MEMORY_KIB as usize, Block::default());
        let metrics = &worker.metrics;
        metrics.waiting.dec();
        metrics.running.inc();
        metrics.wait.observe(since.elapsed());
        let begun = Instant::now();
        // Whoever has the answer finds it counted.
        let done = || {
            metrics.work.observe(begun.elapsed());
            metrics.running.dec();
        };
        // A caller that went away needs no answer.
        match job {
            Job::Hash(password, answer) => {
                let hash = worker.hash(&password, &mut memory);
                done();
                drop(answer.send(hash));
            }
            Job::Verify(password, hash, answer) => {
                let verdict = worker.verify(&password, hash.as_deref(), &mut memory);
                done();
                drop(answer.send(verdict));
            }
        }
    }
}

struct Worker {
    /// The first one is used for new hashes.
    keys: Vec<DerivedKey>,
    metrics: HashQueue,
}

/// Our PHC string: `$argon2id$v=19$m=…,t=…,p=1,keyid=…$salt$hash`.
struct Phc {
    memory: u32,
    passes: u32,
    key_id: Vec<u8>,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Phc {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("$argon2id$v=19$")?.split('$');
        let (params, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
        let mut phc = Self {
            memory: 0,
            passes: 0,
            key_id: Vec::new(),
            salt: B64.decode(salt).ok()?,
            hash: B64.decode(hash).ok()?,
        };
        for param in params.split(',') {
            match param.split_once('=')? {
                ("m", value) => phc.memory = value.parse().ok()?,
                ("t", value) => phc.passes = value.parse().ok()?,
                ("p", "1") => {}
                ("keyid", value) => phc.key_id = B64.decode(value).ok()?,
                _ => return None,
            }
        }
        Some(phc)
    }

    fn write(&self) -> String {
        format!(
            "$argon2id$v=19$m={},t={},p=1,keyid={}${}${}",
            self.memory,
            self.passes,
            B64.encode(&self.key_id),
            B64.encode(&self.salt),
            B64.encode(&self.hash)
        )
    }
}

impl Worker {
    fn hash(&self, password: &Secret, memory: &mut [Block]) -> Result<String> {
        let key = self.keys.first().ok_or_else(|| Error::fault("no pepper"))?;
        let salt = random::<16>();
        let hash = digest(password, key, &salt, (MEMORY_KIB, PASSES), memory)?;
        let phc = Phc { memory: MEMORY_KIB, passes: PASSES, key_id: key.id.to_vec(), salt: salt.to_vec(), hash };
        Ok(phc.write())
    }

    fn verify(&self, password: &Secret, hash: Option<&str>, memory: &mut [Block]) -> Result<Verdict> {
        let Some(hash) = hash else {
            self.hash(password, memory)?;
            return Ok(Verdict::Wrong);
        };
        // The old system's hashes: bcrypt of the bytes as they were typed, without our keyed step.
        if hash.starts_with("$2") {
            let right = bcrypt::verify(password.reveal(), hash).unwrap_or(false);
            return if right { Ok(Verdict::RightButOld(self.hash(password, memory)?)) } else { Ok(Verdict::Wrong) };
        }
        let phc = Phc::read(hash).ok_or_else(|| Error::fault("a password hash cannot be read"))?;
        let Some(key) = self.keys.iter().find(|key| key.id == phc.key_id.as_slice()) else {
            // Nobody can check it any more: whoever has it asks for a new one, as if it were forgotten.
            tracing::warn!("a password was hashed under a SECRET_KEY that is not configured (see SECRET_KEY_PREVIOUS)");
            self.hash(password, memory)?;
            return Ok(Verdict::Wrong);
        };
        let found = digest(password, key, &phc.salt, (phc.memory, phc.passes), memory)?;
        let right = found.len() == phc.hash.len() && openssl::memcmp::eq(&found, &phc.hash);
        let today = (phc.memory, phc.passes) == (MEMORY_KIB, PASSES)
            && self.keys.first().is_some_and(|key| key.id == phc.key_id.as_slice());
        match (right, today) {
            (false, _) => Ok(Verdict::Wrong),
            (true, true) => Ok(Verdict::Right),
            (true, false) => Ok(Verdict::RightButOld(self.hash(password, memory)?)),
        }
    }
}

fn digest(
    password: &Secret,
    key: &DerivedKey,
    salt: &[u8],
    (memory_kib, passes): (u32, u32),
    memory: &mut [Block],
) -> Result<Vec<u8>> {
    // The same password, however it was typed (NIST SP 800-63B, section 5.1.1.2).
    let normal: String = password.reveal().nfkc().collect();
    let pepper = PKey::hmac(&key.key)?;
    let mut keyed = Signer::new(MessageDigest::sha256(), &pepper)?;
    keyed.update(normal.as_bytes())?;
    let keyed = keyed.sign_to_vec()?;
    let params = Params::new(memory_kib, passes, 1, Some(32)).map_err(|error| Error::fault(error.to_string()))?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut out = vec![0_u8; 32];
    let done = if memory_kib <= MEMORY_KIB {
        argon.hash_password_into_with_memory(&keyed, salt, &mut out, memory)
    } else {
        argon.hash_password_into(&keyed, salt, &mut out)
    };
    done.map_err(|error| Error::fault(error.to_string()))?;
    Ok(out)
}

//! Counters and histograms whose recording is an atomic addition: no lock, no allocation, and no label that nobody listed.
//!
//! The library's own histogram and families lock; these stand beside them where requests pass, and encode by its traits.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// A label with all the values it can have.
pub trait Label: Copy + 'static {
    /// The label's name.
    const NAME: &'static str;
    /// Its values.
    const WORDS: &'static [&'static str];
    /// Which of them this is.
    fn place(self) -> usize;
}

/// One label, or two.
pub trait Labels: Copy + 'static {
    /// How many series there are.
    fn size() -> usize;
    /// Which of them this is.
    fn series(self) -> usize;
    /// The labels of a series.
    fn pairs(series: usize) -> Vec<(&'static str, &'static str)>;
}

fn word<L: Label>(place: usize) -> (&'static str, &'static str) {
    (L::NAME, L::WORDS.get(place).copied().unwrap_or_default())
}

impl<L: Label> Labels for L {
    fn size() -> usize {
        L::WORDS.len()
    }

    fn series(self) -> usize {
        self.place()
    }

    fn pairs(series: usize) -> Vec<(&'static str, &'static str)> {
        vec![word::<L>(series)]
    }
}

impl<A: Label, B: Label> Labels for (A, B) {
    fn size() -> usize {
        A::WORDS.len() * B::WORDS.len()
    }

    fn series(self) -> usize {
        self.0.place() * B::WORDS.len() + self.1.place()
    }

    fn pairs(series: usize) -> Vec<(&'static str, &'static str)> {
        vec![word::<A>(series / B::WORDS.len()), word::<B>(series % B::WORDS.len())]
    }
}

/// Makes an enum that is a label.
macro_rules! label {
    ($(#[$about:meta])* $name:ident, $key:literal, { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $(#[doc = $word] $variant,)+ }

        impl $crate::domain::metrics::instruments::Label for $name {
            const NAME: &'static str = $key;
            const WORDS: &'static [&'static str] = &[$($word),+];

            fn place(self) -> usize {
                self as usize
            }
        }
    };
}
pub(super) use label;

/// A counter for each value that its labels can have, each there from the start.
pub struct Counts<L>(Arc<[AtomicU64]>, PhantomData<fn(L)>);

impl<L: Labels> Default for Counts<L> {
    fn default() -> Self {
        Self((0..L::size()).map(|_| AtomicU64::new(0)).collect(), PhantomData)
    }
}

impl<L> Clone for Counts<L> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), PhantomData)
    }
}

impl<L> fmt::Debug for Counts<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Counts").field(&self.0).finish()
    }
}

impl<L: Labels> Counts<L> {
    /// One more.
    pub fn add(&self, labels: L) {
        if let Some(count) = self.0.get(labels.series()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many so far.
    pub fn get(&self, labels: L) -> u64 {
        self.of_series(labels.series())
    }

    /// How many so far, of the series at this place.
    pub fn of_series(&self, series: usize) -> u64 {
        self.0.get(series).map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

impl<L: Labels> EncodeMetric for Counts<L> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (series, count) in self.0.iter().enumerate() {
            let labels = L::pairs(series);
            encode_count(&mut encoder.encode_family(&labels)?, count.load(Ordering::Relaxed))?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}

/// Writes a counter's value.
pub fn encode_count(encoder: &mut MetricEncoder<'_>, count: u64) -> fmt::Result {
    encoder.encode_counter::<NoLabelSet, _, u64>(&count, None)
}

/// Upper bounds in microseconds: from a cached answer to a request that nobody waits for any more.
const BOUNDS: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];

/// How long something took.
#[derive(Debug, Clone, Default)]
pub struct Histogram(Arc<Cells>);

#[derive(Debug, Default)]
struct Cells {
    /// Each for what is above the bound before it, up to its own; the last for what is beyond all.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

impl Histogram {
    /// Counts one.
    pub fn observe(&self, took: Duration) {
        let micros = u64::try_from(took.as_nanos().div_ceil(1000)).unwrap_or(u64::MAX);
        let place = BOUNDS.iter().position(|bound| micros <= *bound).unwrap_or(BOUNDS.len());
        if let Some(bucket) = self.0.buckets.get(place) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.0.nanoseconds.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Writes it.
    ///
    /// # Errors
    /// The encoder's.
    pub fn write(&self, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        let bounds = BOUNDS.iter().map(|micros| real(*micros) / 1e6).chain([f64::INFINITY]);
        let counts = self.0.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = real(self.0.nanoseconds.load(Ordering::Relaxed)) / 1e9;
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        self.write(&mut encoder)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

/// As metrics are written.
#[expect(clippy::cast_precision_loss, reason = "a metric of more than 2^53 may be off by one")]
pub fn real(number: u64) -> f64 {
    number as f64
}

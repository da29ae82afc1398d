//! What a scrape says.

use super::Provider;
use countersign::domain::metrics;

/// An answer of `/metrics`.
#[derive(Debug, Clone)]
pub struct Scrape(pub String);

impl Provider {
    /// What Prometheus would read now.
    pub async fn scrape(&self) -> Scrape {
        Scrape(metrics::scrape(&self.house).await.unwrap().1)
    }
}

impl Scrape {
    /// The value of a series, named as it is written: `name{label="value"}`.
    #[track_caller]
    pub fn value(&self, series: &str) -> f64 {
        self.find(series).unwrap_or_else(|| panic!("no {series} in\n{}", self.0))
    }

    /// The same, of what is counted in whole numbers.
    #[track_caller]
    pub fn count(&self, series: &str) -> usize {
        let line = self.0.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        let value = line.unwrap_or_else(|| panic!("no {series} in\n{}", self.0));
        value.trim_end_matches(".0").parse().unwrap()
    }

    /// The same, where there may be none.
    pub fn find(&self, series: &str) -> Option<f64> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
        Some(line.parse().unwrap())
    }

    /// The names of all samples.
    pub fn names(&self) -> std::collections::BTreeSet<String> {
        let samples = self.0.lines().filter(|line| !line.starts_with('#'));
        samples.map(|line| line.split(['{', ' ']).next().unwrap().to_owned()).collect()
    }
}

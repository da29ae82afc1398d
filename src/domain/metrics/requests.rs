//! What was asked by HTTP: how many requests of each route, how they ended, how long they took. A route is the pattern on the page
//! of routes; what matches none counts as one route. Paths, ids and addresses never become labels.

use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

use super::instruments::{Counts, Histogram, Label, Labels as _, encode_count, label};

label! {
    /// How an answer ended.
    Class, "status", { Informational = "1xx", Success = "2xx", Redirect = "3xx", ClientError = "4xx", ServerError = "5xx" }
}

label! {
    /// How it was asked.
    Method, "method", {
        Get = "GET", Post = "POST", Put = "PUT", Patch = "PATCH", Delete = "DELETE", Head = "HEAD", Options = "OPTIONS", Other = "other"
    }
}

impl Method {
    fn read(name: &str) -> Self {
        match name {
            "GET" => Self::Get,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            "HEAD" => Self::Head,
            "OPTIONS" => Self::Options,
            _ => Self::Other,
        }
    }
}

/// One route, by one method. Made when it is first asked for, so that the answer to a scrape stays short.
#[derive(Debug, Default)]
struct Seen {
    classes: Counts<Class>,
    latency: Histogram,
}

type Route = [OnceLock<Box<Seen>>; Method::WORDS.len()];

/// Every request.
#[derive(Debug, Default)]
pub struct Requests {
    routes: OnceLock<HashMap<&'static str, Route>>,
    unmatched: Route,
    in_flight: AtomicI64,
    unavailable: AtomicU64,
    abandoned: AtomicU64,
}

/// A request that is being answered. Dropped before its end, it counts as abandoned: the caller went away.
#[derive(Debug)]
pub struct Watch<'a> {
    requests: &'a Requests,
    seen: Option<&'a Seen>,
    since: Instant,
    ended: Option<Class>,
}

impl Requests {
    /// Which routes there are. Only the first word counts.
    pub fn know(&self, patterns: impl Iterator<Item = &'static str>) {
        self.routes.get_or_init(|| patterns.map(|pattern| (pattern, Route::default())).collect());
    }

    /// A request came, for this route if for any.
    pub fn begin(&self, route: Option<&str>, method: &str) -> Watch<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let known = route.and_then(|route| self.routes.get()?.get(route)).unwrap_or(&self.unmatched);
        let seen = known.get(Method::read(method).place()).map(|seen| &**seen.get_or_init(Box::default));
        Watch { requests: self, seen, since: Instant::now(), ended: None }
    }

    /// A request was sent away because something that it needs is busy or gone.
    pub fn turned_away(&self) {
        self.unavailable.fetch_add(1, Ordering::Relaxed);
    }

    fn each(&self, mut tell: impl FnMut([(&'static str, &'static str); 2], &Seen) -> fmt::Result) -> fmt::Result {
        let mut known: Vec<_> = self.routes.get().into_iter().flatten().map(|(route, seen)| (*route, seen)).collect();
        known.sort_unstable_by_key(|(route, _)| *route);
        for (route, by_method) in known.into_iter().chain([("none", &self.unmatched)]) {
            for (method, seen) in Method::WORDS.iter().zip(by_method) {
                if let Some(seen) = seen.get() {
                    tell([("route", route), (Method::NAME, method)], seen)?;
                }
            }
        }
        Ok(())
    }
}

impl Watch<'_> {
    /// It was answered.
    pub fn end(mut self, class: Class) {
        self.ended = Some(class);
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.requests.in_flight.fetch_sub(1, Ordering::Relaxed);
        match (self.ended, self.seen) {
            (Some(class), Some(seen)) => {
                seen.classes.add(class);
                seen.latency.observe(self.since.elapsed());
            }
            _ => drop(self.requests.abandoned.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

impl Collector for Requests {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(
            "countersign_http_requests",
            "Requests answered, by route, method and class of the status",
            None,
            MetricType::Counter,
        )?;
        self.each(|labels, seen| {
            for series in 0..Class::size() {
                let mut all = labels.to_vec();
                all.extend(Class::pairs(series));
                let count = seen.classes.of_series(series);
                if count > 0 {
                    encode_count(&mut metric.encode_family(&all)?, count)?;
                }
            }
            Ok(())
        })?;
        let mut metric = encoder.encode_descriptor(
            "countersign_http_request_duration_seconds",
            "How long requests took, by route and method",
            None,
            MetricType::Histogram,
        )?;
        self.each(|labels, seen| seen.latency.write(&mut metric.encode_family(&labels)?))?;
        let mut metric = encoder.encode_descriptor(
            "countersign_http_requests_in_flight",
            "Requests being answered",
            None,
            MetricType::Gauge,
        )?;
        metric.encode_gauge(&self.in_flight.load(Ordering::Relaxed))?;
        for (name, help, count) in [
            ("countersign_http_unavailable", "Answers of 503", &self.unavailable),
            ("countersign_http_abandoned", "Requests whose caller went away first", &self.abandoned),
        ] {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            encode_count(&mut metric, count.load(Ordering::Relaxed))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_no_page_of_routes_becomes_no_label() {
        let requests = Requests::default();
        requests.know(["/login"].into_iter());
        requests.begin(Some("/login"), "GET").end(Class::Success);
        requests.begin(Some("/nowhere/ada@example.com"), "BREW").end(Class::ClientError);
        requests.begin(None, "GET").end(Class::ClientError);
        drop(requests.begin(None, "GET"));
        let mut labels = Vec::new();
        let tell = |of: [(&'static str, &'static str); 2], _: &Seen| {
            labels.push(of.map(|(_, value)| value));
            Ok(())
        };
        requests.each(tell).unwrap();
        assert_eq!(labels, [["/login", "GET"], ["none", "GET"], ["none", "other"]]);
        assert_eq!(requests.abandoned.load(Ordering::Relaxed), 1);
        assert_eq!(requests.in_flight.load(Ordering::Relaxed), 0);
    }
}

//! Every behaviour that strict relying parties check has a test that names its number, or a reason why it does not apply.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// How many there are.
const LAST: u32 = 86;

/// Those that do not apply, each with its reason.
const EXCEPTIONS: [(u32, &str); 1] =
    [(86, "Client-Initiated Backchannel Authentication is not served, and the metadata does not say that it is")];

/// Numbers in comments that begin with the word, and the files they stand in.
fn named(folder: &Path, found: &mut BTreeMap<u32, BTreeSet<String>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            named(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let comments = text.lines().filter_map(|line| line.trim_start().strip_prefix("//"));
        for line in comments.filter(|line| line.trim_start_matches('/').starts_with(" Behaviour")) {
            let numbers = line.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok());
            for number in numbers {
                found.entry(number).or_default().insert(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
}

#[test]
fn every_behaviour_has_a_test_that_names_it_or_a_reason_why_not() {
    let mut found = BTreeMap::new();
    named(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite"), &mut found);
    let excepted: BTreeSet<u32> = EXCEPTIONS.iter().map(|(number, _)| *number).collect();
    let missing: Vec<u32> =
        (1..=LAST).filter(|number| !found.contains_key(number) && !excepted.contains(number)).collect();
    assert!(missing.is_empty(), "no test names {missing:?}");
    let odd: Vec<&u32> = found.keys().filter(|number| **number > LAST || excepted.contains(number)).collect();
    assert!(odd.is_empty(), "these are named, but do not apply or do not exist: {odd:?}");
}

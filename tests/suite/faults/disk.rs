//! PostgreSQL's disk is full.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::cluster::{self, Cluster};
use crate::harness::load::{Actors, Load};

use super::stage;

/// A small file system in memory. It is unmounted with this value.
struct Small(PathBuf);

impl Small {
    /// `None` where this process may not mount.
    fn mount() -> Option<Self> {
        let folder = std::env::temp_dir().join(format!("countersign-small-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=100m,mode=1777", "tmpfs"]).arg(&folder).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(folder))
    }

    /// Fills what is free, but for so many bytes.
    fn fill(&self, left: u64) -> PathBuf {
        let ballast = self.0.join("ballast");
        let free = Command::new("df").args(["--output=avail", "-B1"]).arg(&self.0).output().unwrap();
        let free = String::from_utf8(free.stdout).unwrap();
        let free: u64 = free.lines().last().unwrap().trim().parse().unwrap();
        let made = Command::new("fallocate").arg("-l").arg((free - left).to_string()).arg(&ballast).status().unwrap();
        assert!(made.success());
        ballast
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
        drop(std::fs::remove_dir(&self.0));
    }
}

#[tokio::test]
async fn a_full_disk_is_answered_with_503_until_there_is_room_again() {
    let Some(small) = Small::mount() else {
        println!("NOT TESTED: this process may not mount a file system, so no disk can be full");
        return;
    };
    let folder: &Path = &small.0.join("data");
    // Only the tables meet the end of the disk. (Where the log does too, PostgreSQL stops, and that is an outage like others.)
    let log = cluster::folder();
    let arguments = ["-X", log.to_str().unwrap()];
    let cluster = Cluster::start_in(folder, &arguments, &[]).await;
    let (_wire, provider) = stage(&cluster).await;
    let load = Load::start(&provider, &Actors::of(&provider).await).await;
    load.goes_on().await;
    let ballast = small.fill(64 * 1024);
    let busy = load.busy();
    for _ in 0..400 {
        if load.busy() > busy + 5 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert!(load.busy() > busy, "nobody met the end of the disk");
    std::fs::remove_file(ballast).unwrap();
    load.goes_on().await;
    load.end(&cluster.database()).await;
    drop(cluster);
    drop(std::fs::remove_dir_all(log));
}

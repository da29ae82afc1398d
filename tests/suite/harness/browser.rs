//! A person at a real browser: a headless Chromium of its own, driven through chromedriver. It reads and presses what is
//! visible, as people and strangers' scripts do. It must never reach into the provider, and must leave no process behind.
#![allow(dead_code, reason = "a person can do more than today's tests ask for")]

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use fantoccini::{
    Client, ClientBuilder, Locator,
    elements::Element,
    wd::{Capabilities, WebDriverCompatibleCommand, WindowHandle},
};
use serde_json::{Value, json};
use url::Url;

/// How long a page may take before the test fails and shows what was on the screen. Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(25);

const FLAGS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,900",
];

/// One browser window with a fresh profile. Dropping it ends every process that it started.
///
/// A selector is a CSS selector. Everything waits for what it needs, and fails the test with the page's text otherwise.
pub struct Browser {
    client: Client,
    // After `client`, so that the session's last words still find a driver.
    driver: Driver,
}

impl Browser {
    pub async fn open() -> Self {
        Self::open_with(json!({})).await
    }

    /// A browser in which no script of any page runs.
    pub async fn open_without_scripts() -> Self {
        Self::open_with(json!({ "profile.managed_default_content_settings.javascript": 2 })).await
    }

    async fn open_with(preferences: Value) -> Self {
        let mut driver = tokio::task::spawn_blocking(Driver::start).await.expect("chromedriver starts");
        let mut args: Vec<String> = FLAGS.map(str::to_owned).to_vec();
        args.push(format!("--user-data-dir={}", driver.profile.display()));
        let mut options = json!({ "args": args, "prefs": preferences });
        if let Some(chromium) = program("CHROMIUM", &["chromium", "chromium-browser"]) {
            options["binary"] = json!(chromium);
        }
        let mut wanted = Capabilities::new();
        wanted.insert("goog:chromeOptions".to_owned(), options);
        // Tests that serve TLS sign their own certificate.
        wanted.insert("acceptInsecureCerts".to_owned(), json!(true));
        let client = ClientBuilder::native()
            .capabilities(wanted)
            .connect(&driver.address)
            .await
            .expect("Chromium opens: is it installed, and of chromedriver's version?");
        driver.chromium = client.capabilities().and_then(|given| given.get("goog:processID")).and_then(Value::as_u64);
        Self { client, driver }
    }

    /// Opens the address and waits until the page has loaded.
    pub async fn goto(&self, url: impl AsRef<str>) {
        let url = url.as_ref();
        if let Err(error) = self.client.goto(url).await {
            panic!("{url} does not open: {error}");
        }
    }

    /// What a person can read on the page.
    pub async fn text(&self) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let read = match self.client.find(Locator::Css("body")).await {
                Ok(body) => body.text().await,
                Err(error) => Err(error),
            };
            match read {
                Ok(text) => return text,
                // The page went away while it was read.
                Err(error) if Instant::now() > deadline => panic!("no text to read: {error}"),
                Err(_) => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// Empties the field and types into it.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.wait_for(css).await;
        let typed = match field.clear().await {
            Ok(()) => field.send_keys(text).await,
            Err(error) => Err(error),
        };
        if let Err(error) = typed {
            self.fail(&format!("cannot type into {css}: {error}")).await;
        }
    }

    /// Presses what leads to another page, and waits until that page has loaded.
    pub async fn click(&self, css: &str) {
        let page = self.wait_for("html").await;
        self.press(css).await;
        let deadline = Instant::now() + PATIENCE;
        // An element of the old page turns stale with the new one, even where both have the same address.
        while page.tag_name().await.is_ok() {
            if Instant::now() > deadline {
                self.fail(&format!("{css} led nowhere")).await;
            }
            tokio::time::sleep(POLL).await;
        }
        self.wait_for("body").await;
        while !self.loaded().await {
            if Instant::now() > deadline {
                self.fail(&format!("the page behind {css} never finished loading")).await;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Presses what stays on the page, such as a copy button.
    pub async fn press(&self, css: &str) {
        let target = self.wait_for(css).await;
        if let Err(error) = target.click().await {
            self.fail(&format!("cannot press {css}: {error}")).await;
        }
    }

    /// Opens another tab and goes on there. Answers the tab that was left.
    pub async fn new_tab(&self) -> WindowHandle {
        let left = self.client.window().await.expect("the browser has a tab");
        let opened = self.client.new_window(true).await.expect("a tab opens");
        self.switch_to(opened.handle).await;
        left
    }

    /// Goes on in a tab that is open.
    pub async fn switch_to(&self, tab: WindowHandle) {
        self.client.switch_to_window(tab).await.expect("the tab is open");
    }

    pub async fn url(&self) -> Url {
        self.client.current_url().await.expect("the browser knows its address")
    }

    /// Waits until the element is on the page and visible.
    pub async fn wait_for(&self, css: &str) -> Element {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(element) = self.client.find(Locator::Css(css)).await
                && element.is_displayed().await.unwrap_or(false)
            {
                return element;
            }
            if Instant::now() > deadline {
                self.fail(&format!("{css} never appeared")).await;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Whether the element is on the page now.
    pub async fn has(&self, css: &str) -> bool {
        let found = self.client.find_all(Locator::Css(css)).await;
        found.is_ok_and(|elements| !elements.is_empty())
    }

    /// Writes the whole page, not only the part in the window, as PNG.
    pub async fn screenshot(&self, path: impl AsRef<Path>) {
        let layout = self.devtools("Page.getLayoutMetrics", json!({})).await;
        let size = &layout["cssContentSize"];
        let clip = json!({ "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1 });
        let ask = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let shot = self.devtools("Page.captureScreenshot", ask).await;
        let image = shot["data"].as_str().expect("a screenshot has data");
        let image = BASE64.decode(image).expect("a screenshot is base64");
        fs::write(path, image).expect("the screenshot can be written");
    }

    /// Gives the page this many CSS pixels, below what a desktop window allows too: a phone is 390 by 844.
    pub async fn set_size(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Asks pages for their dark colours (`dark`) or their light ones (`light`).
    pub async fn prefer(&self, colours: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": colours }]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Closes the window in good order. Dropping does the same the hard way.
    pub async fn close(mut self) {
        if self.client.clone().close().await.is_ok() {
            // Gone, and its number free for a stranger.
            self.driver.chromium = None;
        }
    }

    async fn loaded(&self) -> bool {
        let state = self.client.execute("return document.readyState", vec![]).await;
        state.is_ok_and(|state| state == "complete")
    }

    async fn devtools(&self, command: &'static str, parameters: Value) -> Value {
        match self.client.issue_cmd(DevTools(command, parameters)).await {
            Ok(answer) => answer,
            Err(error) => panic!("{command}: {error}"),
        }
    }

    /// Fails the test and shows where the browser was.
    async fn fail(&self, why: &str) -> ! {
        let at = self.client.current_url().await.map(String::from);
        let text = match self.client.find(Locator::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        };
        panic!("{why}\nat {}\n\n{text}\n", at.unwrap_or_default());
    }
}

/// A command of Chromium's own, for what `WebDriver` has no word.
#[derive(Debug)]
struct DevTools(&'static str, Value);

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (axum::http::Method, Option<String>) {
        let body = json!({ "cmd": self.0, "params": self.1 });
        (axum::http::Method::POST, Some(body.to_string()))
    }
}

/// A chromedriver on a free port, the leader of a process group of its own, with an empty profile for its one browser.
struct Driver {
    process: Child,
    address: String,
    profile: PathBuf,
    chromium: Option<u64>,
}

impl Driver {
    fn start() -> Self {
        let program =
            program("CHROMEDRIVER", &["chromedriver"]).expect("chromedriver is installed (`make test` does it)");
        let profile = env::temp_dir().join(format!("countersign-browser-{}", uuid::Uuid::now_v7()));
        fs::create_dir(&profile).expect("a profile directory can be made");
        let mut process = Command::new(program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("chromedriver starts");
        let output = process.stdout.take().expect("stdout is piped");
        let mut driver = Self { process, address: String::new(), profile, chromium: None };
        let mut output = BufReader::new(output);
        let port = output
            .by_ref()
            .lines()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("successfully on port ")?.1.to_owned()))
            .expect("chromedriver says its port");
        driver.address = format!("http://127.0.0.1:{}", port.trim_end_matches('.'));
        // It goes on talking, and must never wait for a reader.
        thread::spawn(move || io::copy(&mut output, &mut io::sink()));
        driver
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Chromium leads a group of its own; either group goes as a whole, helpers included.
        for leader in self.chromium.into_iter().chain([u64::from(self.process.id())]) {
            let _ = Command::new("kill").args(["-KILL", "--", &format!("-{leader}")]).stderr(Stdio::null()).status();
        }
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.profile);
    }
}

/// The program that the variable names, or the first of the names that is on the PATH.
fn program(variable: &str, names: &[&str]) -> Option<PathBuf> {
    if let Some(named) = env::var_os(variable) {
        return Some(named.into());
    }
    let path = env::var_os("PATH")?;
    names
        .iter()
        .flat_map(|name| env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|candidate| candidate.is_file())
}

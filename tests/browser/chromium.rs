//! One tab of a headless Chromium, spoken to by the DevTools protocol over two pipes: no port, no driver.
//! <https://chromedevtools.github.io/devtools-protocol/>

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use meshimg::exec::{Running, Tool};
use serde_json::{Value, json};

/// A browser that answers at all does so in seconds, on a busy machine in tens of them.
const PATIENCE: Duration = Duration::from_secs(60);

/// It is to reach nothing, ask nobody and leave nothing: as root it also has no sandbox to be in.
const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
];

/// A browser with one tab.
pub struct Chromium {
    running: Running,
    commands: File,
    messages: Receiver<Value>,
    last_id: u64,
    session: Option<String>,
    /// What the page did that it was not asked for.
    events: Vec<Value>,
    folder: tempfile::TempDir,
}

impl Chromium {
    /// Starts one with a new profile and opens a tab, without network.
    pub fn start() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        // Chromium reads from descriptor 3 and writes to 4.
        let commands = pipe(&folder.path().join("commands"))?;
        let answers = pipe(&folder.path().join("answers"))?;
        let running = Tool::new("sh", PATIENCE)
            .arguments(["-c", r#"exec chromium "$@" 3<commands 4>answers"#, "sh"])
            .arguments(FLAGS)
            .argument(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .environment("HOME", folder.path())
            .folder(folder.path())
            .log(folder.path().join("log"))
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut chromium = Self {
            running,
            commands,
            messages: messages(answers),
            last_id: 0,
            session: None,
            events: Vec::new(),
            folder,
        };
        let target = chromium.call("Target.createTarget", json!({"url": "about:blank"}))?;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = chromium.call("Target.attachToTarget", attach)?;
        chromium.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility", "DOM"] {
            chromium.call(&format!("{domain}.enable"), json!({}))?;
        }
        let offline = json!({"offline": true, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0});
        chromium.call("Network.emulateNetworkConditions", offline)?;
        Ok(chromium)
    }

    /// Ends it.
    pub fn end(mut self) -> Result<(), String> {
        self.session = None;
        self.call("Browser.close", json!({}))?;
        self.running.wait(PATIENCE).map(|_| ()).map_err(|error| error.to_string())
    }

    /// One command, to the tab once there is one.
    pub fn call(&mut self, method: &str, parameters: Value) -> Result<Value, String> {
        self.last_id += 1;
        let mut command = json!({"id": self.last_id, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            command["sessionId"] = session.as_str().into();
        }
        let mut bytes = command.to_string().into_bytes();
        bytes.push(0);
        self.commands.write_all(&bytes).map_err(|error| error.to_string())?;
        let id = self.last_id;
        let mut answer = self.receive(method, |message| message["id"] == id)?;
        match answer.get("error") {
            Some(error) => Err(format!("{method}: {error}")),
            None => Ok(answer["result"].take()),
        }
    }

    /// The next message that is `wanted`; others are kept as events.
    fn receive(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value, String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.messages.recv_timeout(left) {
                Ok(message) if wanted(&message) => return Ok(message),
                Ok(message) => self.events.push(message),
                Err(_) => {
                    let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                    return Err(format!(
                        "{what}: no answer from chromium in {} s; its log:\n{log}",
                        PATIENCE.as_secs()
                    ));
                }
            }
        }
    }

    /// Shows `page` in a window of `width`, in a theme (`light`, `dark`), and waits until it is loaded.
    pub fn show(&mut self, page: &str, width: u32, theme: &str) -> Result<(), String> {
        self.emulate("", theme, "no-preference")?;
        let phone = width < 500;
        let size = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": phone});
        self.call("Emulation.setDeviceMetricsOverride", size)?;
        let path = self.folder.path().join("page.html");
        std::fs::write(&path, page).map_err(|error| error.to_string())?;
        self.events.clear();
        let loaded = |message: &Value| message["method"] == "Page.loadEventFired";
        self.call("Page.navigate", json!({"url": format!("file://{}", path.display())}))?;
        if !self.events.iter().any(loaded) {
            self.receive("the page's load", loaded)?;
        }
        Ok(())
    }

    /// `media` is `print`, or empty for the screen.
    pub fn emulate(&mut self, media: &str, theme: &str, motion: &str) -> Result<(), String> {
        let features = json!([
            {"name": "prefers-color-scheme", "value": theme},
            {"name": "prefers-reduced-motion", "value": motion},
        ]);
        self.call("Emulation.setEmulatedMedia", json!({"media": media, "features": features}))?;
        Ok(())
    }

    /// The value of a JavaScript expression, which the page itself could not run.
    pub fn evaluate(&mut self, expression: &str) -> Result<Value, String> {
        let parameters = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut result = self.call("Runtime.evaluate", parameters)?;
        match result.get("exceptionDetails") {
            Some(details) => Err(format!("{expression}: {details}")),
            None => Ok(result["result"]["value"].take()),
        }
    }

    /// Presses and lets go of a key.
    pub fn press(&mut self, key: &str, code: u32) -> Result<(), String> {
        for kind in ["rawKeyDown", "keyUp"] {
            let event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            self.call("Input.dispatchKeyEvent", event)?;
            if kind == "rawKeyDown" && key == "Enter" {
                self.call("Input.dispatchKeyEvent", json!({"type": "char", "text": "\r"}))?;
            }
        }
        Ok(())
    }

    /// What came since the page was opened, by the method's name.
    pub fn events(&self, method: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["method"] == method).collect()
    }

    /// Keeps a picture of the whole page where someone asked for it.
    pub fn picture(&mut self, name: &str) -> Result<(), String> {
        let Some(folder) = std::env::var_os("MESHIMG_SCREENSHOTS") else {
            return Ok(());
        };
        let parameters = json!({"format": "png", "captureBeyondViewport": true});
        let answer = self.call("Page.captureScreenshot", parameters)?;
        let path = Path::new(&folder).join(format!("{name}.png"));
        std::fs::write(path, base64(answer["data"].as_str().unwrap_or_default())).map_err(|error| error.to_string())
    }
}

/// A named pipe that stays open at both ends, so that opening it waits for nobody.
fn pipe(path: &Path) -> Result<File, String> {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).map_err(|error| error.to_string())?;
    File::options().read(true).write(true).open(path).map_err(|error| error.to_string())
}

/// Messages as they come, each ended by a zero byte.
fn messages(mut stream: File) -> Receiver<Value> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let (mut rest, mut chunk) = (Vec::new(), vec![0; 1 << 16]);
        while let Ok(length @ 1..) = stream.read(&mut chunk) {
            rest.extend_from_slice(&chunk[..length]);
            while let Some(end) = rest.iter().position(|byte| *byte == 0) {
                let message: Vec<u8> = rest.drain(..=end).collect();
                let Ok(message) = serde_json::from_slice(&message[..end]) else {
                    continue;
                };
                if sender.send(message).is_err() {
                    return;
                }
            }
        }
    });
    receiver
}

/// Bytes of a base64 text (RFC 4648, 4).
pub fn base64(text: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let (mut bits, mut count, mut bytes) = (0u32, 0, Vec::new());
    for digit in text.bytes().filter_map(value) {
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

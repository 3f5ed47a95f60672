//! A Digital Ocean on this machine: state as the API keeps it, faults where a test wants them, and a log of all that was said.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::http::{self, Answer, Request};
use super::images::Images;
use super::{TOKEN, objects, specification};

/// What goes wrong with a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This answer, and nothing is done.
    Instead(Answer),
    /// It is done, and the answer is this one.
    DoneBut(Answer),
    /// It is done, and the connection is lost.
    ResetAfter,
    /// The connection is lost before it is done.
    ResetBefore,
    /// It is done, and the answer comes so late.
    Slow(Duration),
}

/// One request, and what was answered.
#[derive(Debug, Clone)]
pub struct Exchange {
    pub request: Request,
    /// `None`: the connection was lost.
    pub answer: Option<Answer>,
    pub at: Instant,
}

/// What runs behind droplets, where something does.
pub trait Power: Send {
    /// This one was asked for, with this body.
    fn on(&mut self, id: u64, wanted: &Value);
    /// It is destroyed.
    fn off(&mut self, id: u64);
}

#[derive(Default)]
pub struct State {
    pub droplets: BTreeMap<u64, Value>,
    pub firewalls: Vec<Value>,
    pub tags: BTreeSet<String>,
    pub limit: u64,
    /// Method and path that fail next, how often, and how.
    pub faults: Vec<(&'static str, usize, Fault)>,
    /// Names of droplets that stay new.
    pub never_active: BTreeSet<String>,
    pub without_private_address: BTreeSet<String>,
    /// Names of droplets whose making ends in an error.
    pub errored: BTreeSet<String>,
    /// How many lists a droplet is missing from after it was made.
    pub late: u32,
    /// Further headers of every answer.
    pub headers: Vec<(String, String)>,
    pub log: Vec<Exchange>,
    pub images: Images,
    pub power: Option<Box<dyn Power>>,
    /// Looks at an action, by its number, which is that of its droplet and a million.
    looks: BTreeMap<u64, u32>,
    unseen: BTreeMap<u64, u32>,
    next: u64,
}

/// The server; it runs until the process ends.
pub struct Fake {
    address: String,
    state: Arc<Mutex<State>>,
}

const ACTION: u64 = 1_000_000;

impl Fake {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State {
            limit: 500,
            next: 101,
            ..State::default()
        }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Self { address, state }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test has panicked with it")
    }

    pub fn fail(&self, line: &'static str, times: usize, fault: Fault) {
        self.state().faults.push((line, times, fault));
    }

    /// Somebody else's droplet, or one that was made before.
    pub fn add(&self, name: &str, tags: &[&str]) -> u64 {
        self.state()
            .make(&json!({ "name": name, "size": "s-1vcpu-1gb", "tags": tags }), true)
    }

    /// Names and numbers of all droplets.
    pub fn names(&self) -> Vec<String> {
        let state = self.state();
        let mut names: Vec<String> = state.droplets.values().map(|droplet| text(droplet, "name")).collect();
        names.sort();
        names
    }

    /// Requests that were taken, `POST /v2/droplets`; all of them with their order.
    pub fn lines(&self) -> Vec<String> {
        self.state().log.iter().map(|exchange| exchange.request.line()).collect()
    }

    pub fn count(&self, line: &str) -> usize {
        self.lines().iter().filter(|found| *found == line).count()
    }

    /// Whether all that was said is as the API's specification has it, and every request had the token.
    pub fn check(&self) {
        let state = self.state();
        for exchange in &state.log {
            assert_eq!(
                exchange.request.authorization,
                format!("Bearer {TOKEN}"),
                "{}",
                exchange.request.line()
            );
        }
        specification::check(&state.log);
    }
}

pub fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn serve(stream: TcpStream, state: &Mutex<State>) {
    let Some(request) = http::read(&stream) else { return };
    let mut guard = state.lock().expect("no test has panicked with it");
    let fault = guard.fault(&request);
    let mut answer = match &fault {
        Some(Fault::Instead(answer)) => Some(answer.clone()),
        Some(Fault::DoneBut(answer)) => {
            guard.answer(&request);
            Some(answer.clone())
        }
        Some(Fault::ResetAfter) => {
            guard.answer(&request);
            None
        }
        Some(Fault::ResetBefore) => None,
        Some(Fault::Slow(_)) | None => Some(guard.answer(&request)),
    };
    if let Some(answer) = &mut answer {
        answer.headers.extend(guard.headers.clone());
    }
    guard.log.push(Exchange {
        request,
        answer: answer.clone(),
        at: Instant::now(),
    });
    drop(guard);
    if let Some(Fault::Slow(time)) = fault {
        // Nothing else than time is waited for here: this is what the fault is.
        std::thread::park_timeout(time);
    }
    match answer {
        Some(answer) => http::write(&stream, &answer),
        None => http::reset(stream),
    }
}

impl State {
    fn fault(&mut self, request: &Request) -> Option<Fault> {
        let line = request.line();
        let found = self
            .faults
            .iter_mut()
            .find(|(wanted, times, _)| *times > 0 && line.starts_with(wanted));
        found.map(|(_, times, fault)| {
            *times -= 1;
            fault.clone()
        })
    }

    fn make(&mut self, wanted: &Value, is_active: bool) -> u64 {
        let id = self.next;
        self.next += 1;
        let mut droplet = objects::droplet(id, wanted);
        if is_active {
            droplet["status"] = "active".into();
            droplet["networks"] = objects::networks(id, true);
        } else {
            self.unseen.insert(id, self.late);
        }
        self.droplets.insert(id, droplet);
        id
    }

    fn answer(&mut self, request: &Request) -> Answer {
        let parts: Vec<&str> = request.path.split('/').skip(2).collect();
        let body = request.body.clone().unwrap_or_default();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["account"]) => Answer::new(200, objects::account(self.limit)),
            ("GET", ["account", "keys"]) => page(
                request,
                "ssh_keys",
                vec![
                    objects::ssh_key(289794, "aa:16:e4:bf:8b:00:8b:b8:59:8c:a9:d3:f0:19:fa:45"),
                    objects::ssh_key(289795, "3b:16:e4:bf:8b:00:8b:b8:59:8c:a9:d3:f0:19:fa:45"),
                ],
            ),
            ("GET", ["regions"]) => page(request, "regions", vec![objects::region("ams3"), objects::region("fra1")]),
            ("GET", ["sizes"]) => page(
                request,
                "sizes",
                vec![objects::size("s-1vcpu-1gb", 6.0), objects::size("s-2vcpu-4gb", 24.0)],
            ),
            ("GET", ["vpcs"]) => page(
                request,
                "vpcs",
                vec![
                    objects::vpc("default-ams3", "10.133.0.0/20", true),
                    objects::vpc("mesh-vpc", "10.110.0.0/20", false),
                ],
            ),
            ("GET", ["images", slug]) if slug.starts_with("debian-") => Answer::new(200, json!({ "image": objects::image(slug) })),
            (_, ["images", ..]) => self.images.answer(request),
            ("GET", ["firewalls"]) => page(request, "firewalls", self.firewalls.clone()),
            ("POST", ["firewalls"]) => self.make_firewall(&body),
            ("DELETE", ["firewalls", id]) => {
                let before = self.firewalls.len();
                self.firewalls.retain(|firewall| firewall["id"] != **id);
                deleted(self.firewalls.len() < before)
            }
            ("POST", ["tags"]) => {
                let name = text(&body, "name");
                self.tags.insert(name.clone());
                Answer::new(
                    201,
                    json!({ "tag": { "name": name, "resources": { "count": 0, "droplets": { "count": 0 } } } }),
                )
            }
            ("DELETE", ["tags", name]) => deleted(self.tags.remove(*name)),
            ("GET", ["droplets"]) => self.list_droplets(request),
            ("POST", ["droplets"]) => {
                let id = self.make(&body, false);
                if let Some(power) = &mut self.power {
                    power.on(id, &body);
                }
                let tags = body["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
                self.tags.extend(tags.map(str::to_owned));
                let href = format!("https://api.digitalocean.com/v2/actions/{}", ACTION + id);
                let action = json!({ "id": ACTION + id, "rel": "create", "href": href });
                Answer::new(202, json!({ "droplet": self.droplets[&id], "links": { "actions": [action] } }))
            }
            ("GET", ["droplets", id]) => {
                let id: u64 = id.parse().unwrap_or_default();
                // It comes to be active whether or not anybody looks at the action.
                self.look_at_action(ACTION + id);
                match self.droplets.get(&id) {
                    Some(droplet) => Answer::new(200, json!({ "droplet": droplet })),
                    None => not_found(),
                }
            }
            ("DELETE", ["droplets", id]) => {
                let id: u64 = id.parse().unwrap_or_default();
                if let Some(power) = &mut self.power {
                    power.off(id);
                }
                deleted(self.droplets.remove(&id).is_some())
            }
            ("GET", ["actions", id]) => self.look_at_action(id.parse().unwrap_or_default()),
            _ => not_found(),
        }
    }

    fn make_firewall(&mut self, body: &Value) -> Answer {
        let tags: Vec<&str> = body["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if !tags.iter().all(|tag| self.tags.contains(*tag)) {
            return Answer::error(400, "bad_request", "tag not found");
        }
        let mut firewall = body.clone();
        firewall["id"] = format!("bb4b2611-3d72-467b-8602-{:012}", self.firewalls.len()).into();
        firewall["status"] = "succeeded".into();
        firewall["created_at"] = objects::CREATED.into();
        firewall["droplet_ids"] = json!([]);
        firewall["pending_changes"] = json!([]);
        self.firewalls.push(firewall.clone());
        Answer::new(202, json!({ "firewall": firewall }))
    }

    fn list_droplets(&mut self, request: &Request) -> Answer {
        let (name, tag) = (request.query("name"), request.query("tag_name"));
        let mut seen = Vec::new();
        for (id, droplet) in &self.droplets {
            let is_named = name.is_none_or(|name| text(droplet, "name").eq_ignore_ascii_case(name));
            let mut tags = droplet["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let is_tagged = tag.is_none_or(|tag| tags.any(|own| own.eq_ignore_ascii_case(tag)));
            let left = self.unseen.entry(*id).or_default();
            match is_named && is_tagged && *left == 0 {
                true => seen.push(droplet.clone()),
                false => *left = left.saturating_sub(1),
            }
        }
        page(request, "droplets", seen)
    }

    /// The second look finds it completed.
    fn look_at_action(&mut self, action: u64) -> Answer {
        let id = action.saturating_sub(ACTION);
        let Some(name) = self.droplets.get(&id).map(|droplet| text(droplet, "name")) else {
            return not_found();
        };
        let looks = self.looks.entry(action).or_default();
        *looks += 1;
        let status = match *looks {
            1 => "in-progress",
            _ if self.errored.contains(&name) => "errored",
            _ => "completed",
        };
        if status == "completed" && !self.never_active.contains(&name) {
            let has_private = !self.without_private_address.contains(&name);
            if let Some(droplet) = self.droplets.get_mut(&id) {
                droplet["status"] = "active".into();
                droplet["networks"] = objects::networks(id, has_private);
            }
        }
        Answer::new(200, json!({ "action": objects::action(action, id, status) }))
    }
}

pub fn not_found() -> Answer {
    Answer::error(404, "not_found", "The resource you requested could not be found.")
}

pub fn deleted(was_there: bool) -> Answer {
    if was_there { Answer::empty(204) } else { not_found() }
}

/// The page that the query asks for.
pub fn page(request: &Request, key: &str, all: Vec<Value>) -> Answer {
    let number = |name: &str, default: usize| request.query(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (page, per_page) = (number("page", 1), number("per_page", 20).min(200));
    let items: Vec<Value> = all.iter().skip((page - 1) * per_page).take(per_page).cloned().collect();
    let mut pages = json!({});
    if page * per_page < all.len() {
        // At the real API's address: a client must not go there with its token because an answer says so.
        let at = |page: usize| format!("https://api.digitalocean.com{}?page={page}&per_page={per_page}", request.path);
        pages = json!({ "pages": { "next": at(page + 1), "last": at(all.len().div_ceil(per_page)) } });
    }
    Answer::new(200, json!({ key: items, "links": pages, "meta": { "total": all.len() } }))
}

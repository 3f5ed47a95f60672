//! A container in which a host's artifacts are read.

use std::collections::BTreeMap;
use std::time::Duration;

use libtest_mimic::Failed;
use meshimg::exec::{ExecError, Tool, interrupt};
use testcontainers::bollard::models::DeviceMapping;
use testcontainers::core::ExecCommand;
use testcontainers::runners::SyncRunner;
use testcontainers::{ContainerRequest, GenericImage, ImageExt};

use super::host::Host;
use super::image;
use super::parsers::Parser;

/// For a question to Docker; all but imports are answered at once.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// No script takes more than some seconds.
const SCRIPT_SECONDS: &str = "120";

/// The life of a container whose test was killed; it removes itself then. Until then it is found by the label that testcontainers gives:
/// `docker ps --filter label=org.testcontainers.managed-by`.
const LIFE_SECONDS: &str = "600";

/// How a script ended.
#[derive(Debug, Clone, Default)]
pub struct Ended {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Why there are no containers, if so.
pub fn missing() -> Result<(), ExecError> {
    let version = Tool::new("docker", DEADLINE).arguments(["version", "--format", "{{.Server.Version}}"]);
    version.run().map(|_| ())
}

/// Where user-space datapaths get their network devices.
const TUN: &str = "/dev/net/tun";

/// Of one without network that lives until it is told to end.
fn request(host: &Host) -> Result<ContainerRequest<GenericImage>, Failed> {
    if interrupt::requested() {
        return Err("interrupted".into());
    }
    let tag = image::tag(host.release())?;
    Ok(GenericImage::new(image::NAME, &tag)
        .with_network("none")
        // The first process of a container has no default for SIGTERM, and Docker waits 10 s for it.
        .with_cmd(["sh", "-c", "trap exit TERM; sleep \"$0\" & wait", LIFE_SECONDS]))
}

/// A running container with a host's artifacts in /in; removed when dropped.
pub struct Container(testcontainers::Container<GenericImage>);

impl Container {
    /// Starts one of the host's release, without network.
    pub fn start(host: &Host) -> Result<Self, Failed> {
        let mut request = request(host)?.with_host_config_modifier(|config| config.auto_remove = Some(true));
        for (name, bytes) in &host.artifacts {
            request = request.with_copy_to(format!("/in/{name}"), bytes.clone());
        }
        let paths: Vec<&str> = host.files.iter().map(|file| file.path.as_str()).collect();
        // /in/files: what user-data should write, a path in each line.
        request = request.with_copy_to("/in/files", (paths.join("\n") + "\n").into_bytes());
        request = request.with_copy_to("/in/user", host.plan.user.as_str().as_bytes().to_vec());
        Ok(Self(request.start()?))
    }

    /// Starts one of the host's release that may make bridges and taps in a network of its own, with `files` by path. A Docker can run in it, which
    /// mounts things and makes namespaces.
    pub fn with_bridges(host: &Host, files: BTreeMap<String, Vec<u8>>) -> Result<Self, Failed> {
        let mut request = request(host)?.with_host_config_modifier(|config| {
            config.auto_remove = Some(true);
            config.cap_add = Some(["NET_ADMIN", "SYS_ADMIN"].map(str::to_owned).to_vec());
            config.security_opt = Some(["apparmor=unconfined", "seccomp=unconfined"].map(str::to_owned).to_vec());
            config.devices = Some(vec![DeviceMapping {
                path_on_host: Some(TUN.to_owned()),
                path_in_container: Some(TUN.to_owned()),
                cgroup_permissions: Some("rwm".to_owned()),
            }]);
        });
        for (path, bytes) in files {
            request = request.with_copy_to(path, bytes);
        }
        Ok(Self(request.start()?))
    }

    /// Starts one of the host's release, without network, with `files` by path.
    pub fn with_files(host: &Host, files: BTreeMap<String, Vec<u8>>) -> Result<Self, Failed> {
        let mut request = request(host)?.with_host_config_modifier(|config| config.auto_remove = Some(true));
        for (path, bytes) in files {
            request = request.with_copy_to(path, bytes);
        }
        Ok(Self(request.start()?))
    }

    /// What `parser` finds wrong.
    pub fn run(&self, parser: &Parser, host: &Host) -> Result<Vec<String>, Failed> {
        let ended = self.script(parser.script)?;
        Ok((parser.read)(host, &ended))
    }

    /// Runs a script of sh(1).
    pub fn script(&self, script: &str) -> Result<Ended, Failed> {
        self.script_within(SCRIPT_SECONDS, script)
    }

    /// The same with a limit of its own, seconds.
    pub fn script_within(&self, seconds: &str, script: &str) -> Result<Ended, Failed> {
        if interrupt::requested() {
            return Err("interrupted".into());
        }
        // Its streams and its status one after the other, with a NUL between: they come back as one stream.
        let wrapper =
            "timeout \"$2\" sh -euc \"$1\" </dev/null >/out 2>/err && s=0 || s=$?; cat /out; printf '\\0'; cat /err; printf '\\0%s' $s";
        let mut answer = self.0.exec(ExecCommand::new(["sh", "-c", wrapper, "sh", script, seconds]))?;
        let text = String::from_utf8_lossy(&answer.stdout_to_vec()?).into_owned();
        let [stdout, stderr, status] = text.split('\0').collect::<Vec<_>>()[..] else {
            return Err(format!("the script's answer has not three parts: {text}").into());
        };
        Ok(Ended {
            status: status.parse()?,
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
        })
    }

    /// Removes it, and says so if that fails.
    pub fn end(self) -> Result<(), Failed> {
        Ok(self.0.rm()?)
    }
}

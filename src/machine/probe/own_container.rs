//! The probe container on a machine that is not ours: made of the host's own programs, and gone with the run that it is for.
//!
//! Nothing is pulled or carried there: the image is empty, and sleep(1) comes from the host's own folders, which the container sees read-only.
//! The probes need its place in the network and no program in it.

use super::container::{self, CleanUpError, Containers};
use crate::machine::Machine;
use crate::plan::Plan;

/// The container of a run whose end nobody saw is gone after so many seconds, by itself.
const LIFE_SECONDS: u32 = 3600;

/// Starts the container of `$run` unless it runs. An image that an earlier run has left is removed once no container can be of it.
const START: &str = r#"PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH LC_ALL=C
# Asking Docker would start it by its socket.
systemctl is-active --quiet docker.service || { echo 'docker.service is not active' >&2; exit 1; }
name=meshimg-probe-$run
image=meshimg-probe:$run
where() {
  docker container inspect --format '{{.State.Pid}} {{(index .NetworkSettings.Networks "bridge").IPAddress}}' "$name"
}
found=$(where 2>/dev/null) || found=
case $found in
  '') ;;
  '0 '*) docker rm --force "$name" >/dev/null ;;
  *) echo "$found"; exit ;;
esac
docker image prune --all --force --filter label=meshimg=probe --filter until=2h >/dev/null
if ! docker image inspect "$image" >/dev/null 2>&1; then
  tar --create --files-from /dev/null | docker import --change 'LABEL meshimg=probe' - "$image" >/dev/null
fi
for folder in /usr /lib /lib64; do
  if [ -d "$folder" ]; then set -- "$@" --volume "$folder:$folder:ro"; fi
done
docker run --detach --rm --pull never --name "$name" --label meshimg=probe --label "meshimg.run=$run" --network bridge --read-only \
  --cap-drop ALL --security-opt no-new-privileges --log-driver none "$@" "$image" /usr/bin/sleep "$life" >/dev/null
where
"#;

/// Removes what [`START`] made for `$run`. Where Docker does not run any more the container ends with its time.
const CLEAN_UP: &str = r#"systemctl is-active --quiet docker.service || exit 0
for container in $(docker ps --all --quiet --filter "label=meshimg.run=$run"); do
  # It may be gone by itself meanwhile.
  docker rm --force "$container" >/dev/null 2>&1 || true
done
left=$(docker ps --all --quiet --filter "label=meshimg.run=$run")
[ -z "$left" ] || { echo "docker rm does not remove $left" >&2; exit 1; }
if docker image inspect "meshimg-probe:$run" >/dev/null 2>&1; then docker image rm "meshimg-probe:$run" >/dev/null; fi
"#;

/// Tells the containers of one run of meshimg from those of another at the same time: letters and digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunId(String);

impl RunId {
    /// Of `text`, as far as it is letters and digits.
    pub fn new(text: &str) -> Self {
        Self(text.chars().filter(char::is_ascii_alphanumeric).collect())
    }

    /// The container's name on each host.
    pub fn container(&self) -> String {
        format!("meshimg-probe-{}", self.0)
    }
}

impl std::fmt::Display for RunId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Has the container of `run` run on every machine, and says where.
pub fn start(plan: &Plan, machines: &[&dyn Machine], run: &RunId) -> Containers {
    container::start_by(plan, machines, &format!("run={run}\nlife={LIFE_SECONDS}\n{START}"))
}

/// Removes container and image of `run` from every machine.
///
/// # Errors
/// [`CleanUpError`] with all hosts where that failed; all others are clean.
pub fn clean_up(machines: &[&dyn Machine], run: &RunId) -> Result<(), CleanUpError> {
    container::clean_up_by(machines, &format!("run={run}\n{CLEAN_UP}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::exec::Tool;
    use crate::machine::sample::{self, Scripted};

    #[test]
    fn a_run_has_a_name_that_docker_and_a_shell_take() {
        let run = RunId::new("/tmp/.meshimg-aB3; rm -rf $HOME");
        assert_eq!(run.to_string(), "tmpmeshimgaB3rmrfHOME");
        assert_eq!(run.container(), "meshimg-probe-tmpmeshimgaB3rmrfHOME");
    }

    #[test]
    fn each_host_has_its_container_or_the_reason_why_not() {
        let one = Scripted::new("host1", |_| Ok("812 172.17.64.0\n".into()));
        let two = Scripted::new("host2", |_| Err("docker.service is not active".into()));
        let containers = start(&sample::plan(), &[&one, &two], &RunId::new("a1"));
        assert!(one.last_script().starts_with("run=a1\nlife=3600\n"));
        let shown: Vec<String> = containers.values().map(|result| format!("{result:?}")).collect();
        assert_eq!(
            shown,
            [
                "Ok(ProbeContainer { pid: 812, address: 172.17.64.0 })",
                r#"Err("docker.service is not active")"#,
                r#"Err("no such machine is running")"#
            ]
        );
        let error = clean_up(&[&one, &two], &RunId::new("a1")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "probe containers are left on host2 (docker.service is not active)"
        );
    }

    /// With a docker that only notes what it is asked for.
    fn run(script: &str, docker: &str, active: bool) -> (bool, String) {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        put("systemctl", &format!("#!/bin/sh\nexec {active}\n"));
        put(
            "docker",
            &format!("#!/bin/sh\necho \"docker $*\" >>{}/said\n{docker}", folder.path().display()),
        );
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        let result = Tool::new("sh", Duration::from_secs(20))
            .arguments(["-eu", "-s"])
            .environment("PATH", path)
            .stdin(script)
            .run();
        let said = std::fs::read_to_string(folder.path().join("said")).unwrap_or_default();
        (result.is_ok(), said)
    }

    #[test]
    fn what_is_started_is_labelled_ends_by_itself_and_is_asked_for_once() {
        let script = format!("run=a1\nlife=5\n{START}");
        let (fine, said) = run(
            &script,
            "case $* in *inspect*) [ -e /tmp/none/never ] ;; import*) cat >/dev/null ;; esac",
            true,
        );
        // The container is not there afterwards either.
        assert!(!fine);
        for words in [
            "--rm",
            "--label meshimg=probe",
            "--label meshimg.run=a1",
            "/usr:/usr:ro",
            "/usr/bin/sleep 5",
        ] {
            assert!(said.contains(words), "no {words} in {said}");
        }
        let (fine, said) = run(&script, "echo 812 172.17.64.0", true);
        assert!(fine && !said.contains("docker run") && !said.contains("import"), "{said}");
        // Docker that does not run is not even asked: its socket would start it.
        for text in [script.as_str(), CLEAN_UP] {
            assert_eq!(run(text, "", false).1, "");
        }
    }

    #[test]
    fn clean_up_is_of_one_run_and_says_what_stays() {
        let script = format!("run=a1\n{CLEAN_UP}");
        let (fine, said) = run(&script, "case $* in ps*) echo 1234 ;; esac", true);
        assert!(!fine && said.contains("docker rm --force 1234"), "{said}");
        let (fine, said) = run(&script, "", true);
        assert!(
            fine && said.contains("label=meshimg.run=a1") && said.contains("docker image rm meshimg-probe:a1"),
            "{said}"
        );
    }
}

//! Tests of [`super`] that need no server; tests with a real one are skipped where there is no sshd.

use super::*;

fn target(user: &str) -> SshTarget {
    SshTarget {
        host: "host1".parse().unwrap(),
        address: "127.0.0.1".parse().unwrap(),
        user: user.parse().unwrap(),
        access: SshAccess::Given {
            port: 2201,
            key: "/lab/key".into(),
            known_hosts: "/lab/a b/100%/known_hosts".into(),
        },
        control_folder: "/lab/control".into(),
    }
}

fn own(user: &str, config: Option<&str>) -> SshTarget {
    SshTarget {
        access: SshAccess::Own {
            config: config.map(PathBuf::from),
            host_keys: HostKeys::Own,
        },
        ..target(user)
    }
}

fn shown(arguments: Vec<OsString>) -> String {
    arguments
        .into_iter()
        .map(|argument| argument.into_string().unwrap())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn arguments_of_root_with_a_key() {
    insta::assert_snapshot!(shown(run_arguments(&target("root"), Duration::from_secs(60))), @r#"
    -F
    none
    -o
    BatchMode=yes
    -o
    StrictHostKeyChecking=yes
    -o
    UserKnownHostsFile="/lab/a b/100%%/known_hosts"
    -o
    GlobalKnownHostsFile=none
    -o
    IdentitiesOnly=yes
    -o
    IdentityAgent=none
    -o
    IdentityFile="/lab/key"
    -o
    Port=2201
    -o
    UpdateHostKeys=no
    -o
    ConnectTimeout=15
    -o
    ServerAliveInterval=5
    -o
    ServerAliveCountMax=3
    -o
    ControlMaster=auto
    -o
    ControlPath=host1
    -o
    ControlPersist=120
    -o
    ForwardAgent=no
    -o
    LogLevel=ERROR
    -T
    -l
    root
    --
    127.0.0.1
    sh -c 'timeout -k 5 65 sh -eu -s; status=$?; if [ $status -eq 255 ]; then status=254; fi; exit $status'
    "#);
}

#[test]
fn arguments_of_another_user_with_his_own_configuration() {
    insta::assert_snapshot!(shown(run_arguments(&own("debian", None), Duration::from_secs(60))), @r#"
    -o
    BatchMode=yes
    -o
    StrictHostKeyChecking=yes
    -o
    ClearAllForwardings=yes
    -o
    RemoteCommand=none
    -o
    UpdateHostKeys=no
    -o
    ConnectTimeout=15
    -o
    ServerAliveInterval=5
    -o
    ServerAliveCountMax=3
    -o
    ControlMaster=auto
    -o
    ControlPath=host1
    -o
    ControlPersist=120
    -o
    ForwardAgent=no
    -o
    LogLevel=ERROR
    -T
    -l
    debian
    --
    127.0.0.1
    sudo -n sh -c 'timeout -k 5 65 sh -eu -s; status=$?; if [ $status -eq 255 ]; then status=254; fi; exit $status'
    "#);
}

/// A configuration that says otherwise is overruled where it is about host keys, questions and the shared connection, and nowhere else.
#[test]
fn arguments_with_a_configuration_of_the_callers_choice() {
    let shown = shown(run_arguments(&own("root", Some("/home/me/ssh config")), Duration::from_secs(60)));
    assert!(
        shown.starts_with("-F\n/home/me/ssh config\n-o\nBatchMode=yes\n-o\nStrictHostKeyChecking=yes\n"),
        "{shown}"
    );
    for theirs in ["KnownHostsFile", "Identit", "Port=", "Proxy", "HostName"] {
        assert!(!shown.contains(theirs), "{theirs} in {shown}");
    }
}

/// Of a droplet: by the file beside the lock, in which it stands under its address whatever a configuration makes of that.
#[test]
fn a_key_is_taken_once_and_from_a_file_of_our_own() {
    let options = |host_keys| {
        let access = SshAccess::Own { config: None, host_keys };
        let arguments = run_arguments(&SshTarget { access, ..target("root") }, Duration::from_secs(60));
        let options = arguments.into_iter().map(|argument| argument.into_string().unwrap());
        options.filter(|option| option.contains("Host")).collect::<Vec<_>>()
    };
    assert_eq!(
        options(HostKeys::First("/run/a b/host1".into())),
        [
            "StrictHostKeyChecking=accept-new",
            "UserKnownHostsFile=\"/run/a b/host1\"",
            "HostKeyAlias=127.0.0.1",
            "HashKnownHosts=no",
            "UpdateHostKeys=no"
        ]
    );
    assert_eq!(
        options(HostKeys::Kept("/home/me/cluster.known_hosts".into())),
        [
            "StrictHostKeyChecking=yes",
            "UserKnownHostsFile=\"/home/me/cluster.known_hosts\" ~/.ssh/known_hosts ~/.ssh/known_hosts2",
            "HostKeyAlias=127.0.0.1",
            "UpdateHostKeys=no"
        ]
    );
    let relative = SshTarget {
        access: SshAccess::Own {
            config: None,
            host_keys: HostKeys::Kept("cluster.known_hosts".into()),
        },
        ..target("root")
    };
    let host_keys = HostKeys::Kept(std::env::current_dir().unwrap().join("cluster.known_hosts"));
    let machine = SshMachine::new(relative).unwrap();
    assert_eq!(machine.target().access, SshAccess::Own { config: None, host_keys });
}

#[test]
fn a_relative_configuration_is_that_of_our_own_folder() {
    let machine = SshMachine::new(own("root", Some("lab.conf"))).unwrap();
    let here = std::env::current_dir().unwrap().join("lab.conf");
    let host_keys = HostKeys::Own;
    let config = Some(here);
    assert_eq!(machine.target().access, SshAccess::Own { config, host_keys });
}

#[test]
fn arguments_that_end_the_connection() {
    insta::assert_snapshot!(shown(close_arguments(&target("root"))), @"
    -F
    none
    -o
    ControlPath=host1
    -O
    exit
    --
    127.0.0.1
    ");
}

#[test]
fn the_control_path_stays_short_with_the_longest_name() {
    let mut target = target("root");
    target.host = "h".repeat(63).parse().unwrap();
    assert!(control_name(&target).len() + 17 < 108);
    assert!(!control_name(&target).contains('/'));
}

#[test]
fn known_hosts_names_the_port_unless_it_is_22() {
    let key = "ssh-ed25519 AAAAC3Nz root@host1\n";
    let line = |address: &str, port| known_hosts_line(address.parse().unwrap(), port, key);
    assert_eq!(line("127.0.0.1", 2201), "[127.0.0.1]:2201 ssh-ed25519 AAAAC3Nz\n");
    assert_eq!(line("192.0.2.1", 22), "192.0.2.1 ssh-ed25519 AAAAC3Nz\n");
    assert_eq!(line("2001:db8::1", 2201), "[2001:db8::1]:2201 ssh-ed25519 AAAAC3Nz\n");
}

#[test]
fn a_script_that_arrives_in_part_runs_nothing() {
    let script = whole_script("echo one\ncat\necho two");
    let run = |text: &str| Tool::new("sh", Duration::from_secs(5)).arguments(["-eu", "-s"]).stdin(text).run();
    assert_eq!(run(&script).unwrap().stdout_text(), "one\ntwo\n");
    let error = run(script.strip_suffix("} </dev/null\n").unwrap()).unwrap_err();
    assert!(!error.to_string().contains("one"), "{error}");
}

#[test]
fn the_remote_command_keeps_status_255_for_ssh() {
    let status = |script: &str| {
        let command = remote_command(&"root".parse().unwrap(), Duration::from_secs(5));
        let result = Tool::new("sh", Duration::from_secs(9))
            .arguments(["-c", &command])
            .stdin(script)
            .run();
        match result {
            Ok(_) => "0".to_owned(),
            Err(ExecError::Failed { status, .. }) => status,
            Err(other) => other.to_string(),
        }
    };
    assert_eq!(status("exit 255"), "exit status: 254");
    assert_eq!(status("exit 3"), "exit status: 3");
    assert_eq!(status("true"), "0");
}

#[test]
fn nobody_listening_is_unreachable_and_the_wait_says_what_ssh_said() {
    let folder = tempfile::tempdir().unwrap();
    // Bound and dropped: a port where nobody listens.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let target = SshTarget {
        access: SshAccess::Given {
            port,
            key: folder.path().join("key"),
            known_hosts: folder.path().join("known_hosts"),
        },
        control_folder: folder.path().to_owned(),
        ..target("root")
    };
    let machine = SshMachine::new(target.clone()).unwrap();
    let error = machine.run("true", Duration::from_secs(10)).unwrap_err();
    assert!(is_unreachable(&error), "{error}");
    let error = wait_for_ssh(target.clone(), Duration::from_secs(3), || None).unwrap_err();
    assert!(error.to_string().contains("Connection refused"), "{error}");
    let error = wait_for_ssh(target, Duration::from_secs(60), || Some("QEMU has ended".into())).unwrap_err();
    assert_eq!(error.to_string(), "ssh to host1: QEMU has ended");
}

#[test]
fn a_failed_script_is_not_unreachable() {
    let error = Tool::new("sh", Duration::from_secs(5))
        .arguments(["-c", "exit 254"])
        .run()
        .unwrap_err();
    assert!(!is_unreachable(&error));
}

//! Docker's API beyond the unix socket: only where it was asked for, only on the bridge's address, and with TLS for clients that have a
//! certificate.

use libtest_mimic::{Failed, Trial};
use meshimg::lab::session::Session;
use meshimg::plan::{Plan, plan};
use meshimg::render::host_files;
use meshimg::spec::Api;

use super::probes::{exactly, exposure};
use super::{containers_reach_each_other, long, run, three};
use crate::clusters::spec_of;

pub fn tests() -> Vec<Trial> {
    vec![long(three("the_docker_api_takes_tls_clients_on_the_bridge_alone", api))]
}

const LISTENERS: &str = "ss -Hltnp | awk '/dockerd/ {print $4}'";

/// A root, a server and a client certificate, as the operator would bring them.
const CERTIFICATES: &str = r#"
mkdir -p /etc/docker/tls; cd /etc/docker/tls
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=root -keyout root.key -out root.pem 2>/dev/null
for name in server client; do
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=$name -keyout $name.key -out $name.csr 2>/dev/null
    printf 'subjectAltName=IP:172.17.42.2\nextendedKeyUsage=serverAuth,clientAuth\n' >$name.ext
    openssl x509 -req -in $name.csr -CA root.pem -CAkey root.key -CAcreateserial -days 2 -extfile $name.ext -out $name.pem 2>/dev/null
done
"#;

fn api(session: &mut Session<'static>) -> Result<(), Failed> {
    let before = run(session, "host2", LISTENERS)?;
    if !before.trim().is_empty() {
        return Err(format!("without having been asked to, dockerd listens on {before}").into());
    }
    let mut spec = spec_of(crate::clusters::THREE_HOSTS.name)?;
    spec.hosts[1].docker_api = Api::Tls {
        port: 2376,
        ca: "/etc/docker/tls/root.pem".parse()?,
        certificate: "/etc/docker/tls/server.pem".parse()?,
        key: "/etc/docker/tls/server.key".parse()?,
    };
    let script = format!("{CERTIFICATES}{}", write_docker_files(&plan(&spec)?)?);
    run(session, "host2", &script)?;
    let listeners = run(session, "host2", LISTENERS)?;
    let ask = "docker -H tcp://172.17.42.2:2376 --tlsverify --tlscacert root.pem";
    let answers = run(
        session,
        "host2",
        &format!(
            "cd /etc/docker/tls; {ask} --tlscert client.pem --tlskey client.key version --format '{{{{.Server.Version}}}}' >/dev/null && echo known; \
             {ask} version >/dev/null 2>&1 || echo stranger refused"
        ),
    )?;
    // A stranger gets to the bridge by way of the underlay, and no further than TLS. By the plan of a cluster without it, it is one port
    // too many.
    let found = exposure(session);
    let back = format!(
        "rm /etc/systemd/system/docker.service.d/meshimg-api.conf\n{}",
        write_docker_files(session.plan)?
    );
    run(session, "host2", &back)?;
    if listeners.trim() != "172.17.42.2:2376" || answers != "known\nstranger refused\n" {
        return Err(format!("dockerd listens on {listeners}, and answers: {answers}").into());
    }
    exactly(
        &found,
        &["exposure (host2): TCP port of 172.17.42.2 2376 takes connections from the underlay"],
    )?;
    containers_reach_each_other(session)
}

/// Docker's files of host2 as `plan` has them, and a restart.
fn write_docker_files(plan: &Plan) -> Result<String, Failed> {
    let mut script = String::new();
    for file in host_files(plan, &plan.hosts[1])?.iter().filter(|file| file.path.contains("docker")) {
        script += &format!("cat >{} <<'MESHIMG_END'\n{}MESHIMG_END\n", file.path, file.text);
    }
    Ok(script + "systemctl daemon-reload; systemctl restart docker\n")
}

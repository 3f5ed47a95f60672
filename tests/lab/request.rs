//! Two hosts that boot in no time and do nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use meshimg::image::{BaseImage, Boot};
use meshimg::lab::{LabHost, LabRequest};
use meshimg::plan::{ContainerBridge, DockerPlan, HostPlan, MacAddress, MeshBridge};
use meshimg::spec::{Api, Network, OpenVSwitchSource, Os};

/// A kernel in the format of Documentation/arch/x86/boot.rst that halts for ever: two sectors, protocol 2.4.
pub fn idle_kernel() -> Vec<u8> {
    let mut kernel = vec![0; 4096];
    kernel[0x1f1] = 1; // setup_sects
    kernel[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    kernel[0x200..0x202].copy_from_slice(&[0xeb, 0x66]); // jmp 0x268
    kernel[0x202..0x206].copy_from_slice(b"HdrS");
    kernel[0x206..0x208].copy_from_slice(&[0x04, 0x02]);
    kernel[0x211] = 1; // LOADED_HIGH
    kernel[0x22c..0x230].copy_from_slice(&0x37ff_ffff_u32.to_le_bytes()); // initrd_addr_max
    kernel[0x268..0x26b].copy_from_slice(&[0xf4, 0xeb, 0xfd]); // hlt; jmp to the hlt
    kernel
}

fn host(number: u8) -> LabHost {
    let mac = MacAddress::local([2, 0, 0, 0, 0, number]);
    let plan = HostPlan {
        number: number.into(),
        name: format!("host{number}").parse().unwrap(),
        address: format!("192.0.2.{number}").parse().unwrap(),
        os: Os::Debian13,
        network: Network::Ifupdown,
        underlay_interface: None,
        mesh_bridge: MeshBridge {
            name: "br0".parse().unwrap(),
            mac,
            priority: Some(4096),
            paths: Vec::new(),
            max_revalidator_ms: 500,
            ports: Vec::new(),
        },
        container_bridge: ContainerBridge {
            name: "docker0".parse().unwrap(),
            mac,
            address: "172.17.42.1".parse().unwrap(),
            prefix_length: 16,
            slice: "172.17.64.0/18".parse().unwrap(),
        },
        docker: DockerPlan {
            daemon: BTreeMap::new(),
            api: Api::None,
        },
        packages: Vec::new(),
        archive: None,
        open_vswitch: OpenVSwitchSource::Distribution,
        user: "root".parse().unwrap(),
        authorized_keys: Vec::new(),
    };
    LabHost {
        plan,
        user_data: b"#cloud-config\n{}\n".to_vec(),
        image: None,
    }
}

/// Two hosts with the kernel `kernel`; the folder of the images is for the caller to keep.
pub fn request(cluster: &str, kernel: &[u8]) -> (LabRequest, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let image = BaseImage {
        disk: file("disk", &[0; 1024 * 1024]),
        format: "raw".to_owned(),
        boot: Boot::Kernel {
            kernel: file("kernel", kernel),
            command_line: "root=/dev/nvme0n1".to_owned(),
        },
    };
    let request = LabRequest {
        cluster: cluster.parse().unwrap(),
        hosts: vec![host(1), host(2)],
        underlay_mtu: 1500,
        subnet: "172.17.0.0/16".parse().unwrap(),
        base_images: BTreeMap::from([(Os::Debian13, image)]),
        memory_mib: 64,
        processors: 1,
        local_seed: false,
        archive: None,
        program: None,
    };
    (request, folder)
}

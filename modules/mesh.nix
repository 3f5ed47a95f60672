# br0 with its tunnels, loop protection, BFD and MTU, brought up by the script that Debian hosts have too.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.meshimg;
  inherit (cfg) mesh containers underlay;
  meshimg = import ./lib.nix { inherit lib; };
  words = import ./words.nix { inherit lib cfg; };

  configuration = pkgs.writeText "meshimg-mesh.conf" words.configuration;
  script = pkgs.writeTextFile {
    name = "meshimg-mesh";
    text = builtins.readFile ./mesh;
    executable = true;
  };
  hasRules = mesh.rules.number != null;
  rules = pkgs.writeTextFile {
    name = "meshimg-mesh-rules";
    text = builtins.readFile ./mesh-rules;
    executable = true;
  };

  # What neither dhcpcd nor NetworkManager may touch.
  ours = [
    mesh.bridge
    containers.bridge
  ];
  kernel = [
    "erspan*"
    "genev_sys*"
    "gre*"
    "ip6gre*"
    "ip6_gre*"
    "ovs-system"
    "veth*"
    "vxlan_sys*"
  ];
in
{
  options.services.meshimg.mesh = {
    bridge = mkOption {
      type = meshimg.types.interface;
      default = "br0";
      example = "mesh0";
      description = "The Open vSwitch bridge whose ports are the tunnels.";
    };

    mac = mkOption {
      type = types.nullOr meshimg.types.mac;
      default = null;
      example = "02:00:00:00:00:01";
      description = "The MAC address of the bridge, different on every host: clones of one disk would make up the same. It must be set.";
    };

    mtu = mkOption {
      type = types.ints.between 576 65535;
      default = 1462;
      example = 8962;
      description = "The MTU of both bridges and of containers, bytes: that of the underlay less what the tunnel takes, and the same on all hosts.";
    };

    overhead = mkOption {
      type = types.ints.between 24 200;
      default = 38;
      example = 50;
      description = "What the tunnel takes from the underlay's MTU, bytes: 38 for GRE over IPv4, 50 for VXLAN and Geneve, 20 more over IPv6.";
    };

    tunnel = mkOption {
      type = types.enum [
        "gre"
        "vxlan"
        "geneve"
      ];
      default = "gre";
      example = "vxlan";
      description = "How frames travel between hosts: GRE (IP protocol 47), VXLAN (UDP port 4789) or Geneve (UDP port 6081).";
    };

    links = mkOption {
      type = types.attrsOf (
        types.submodule {
          options = {
            peer = mkOption {
              type = types.nullOr types.str;
              default = null;
              example = "host2";
              description = "The host at the other end, one of `services.meshimg.peers`. It must be set.";
            };
            number = mkOption {
              type = types.nullOr (types.ints.between 1 2047);
              default = null;
              example = 2;
              description = "The port's number in OpenFlow, by which `services.meshimg.mesh.rules` name it; `null` leaves it to Open vSwitch.";
            };
          };
        }
      );
      default = { };
      example = {
        gre1.peer = "host2";
      };
      description = "The tunnels of this host, by name. A link has one name, the same at both ends; gre0, gretap0 and erspan0 are the kernel's own.";
    };

    pathCost = mkOption {
      type = types.ints.positive;
      default = 20000;
      example = 4;
      description = "The spanning tree's path cost of every link. Open vSwitch's own default differs from release to release.";
    };

    maxRevalidator = mkOption {
      type = types.ints.between 100 500;
      default =
        if mesh.bfd.enable then
          lib.max 100 (lib.min 500 (mesh.bfd.interval * mesh.bfd.multiplier / 3 * 2))
        else
          500;
      defaultText = lib.literalMD "two thirds of what BFD takes to find a link dead, between 100 and 500; 500 without BFD";
      example = 200;
      description = "Milliseconds after which Open vSwitch has counted the packets of all its flows; it learns addresses as it does, and must be done with a dead link before that link's addresses are forgotten.";
    };

    loopProtection = mkOption {
      type = types.enum [
        "rstp"
        "stp"
        "none"
      ];
      default = "rstp";
      example = "stp";
      description = "The spanning tree that breaks loops: RSTP, STP, or none, which a host with one link may have, and one with `services.meshimg.mesh.rules`.";
    };

    rules = {
      number = mkOption {
        type = types.nullOr (types.ints.between 1 2047);
        default = null;
        example = 2;
        description = "This host's number in a direct fabric, whose bridge forwards by OpenFlow rules that the host makes from these numbers. `null` for a bridge that learns, with a spanning tree.";
      };
      paths = mkOption {
        type = types.listOf (types.strMatching "[0-9]{1,4}:( [0-9]{1,4})+");
        default = [ ];
        example = [
          "1: 1 3 4"
          "3: 3 4 1"
          "4: 4 3 1"
        ];
        description = "For each other host its number, and by which ports frames go there, of which the first takes them whose link is alive. A port has the number of the host that it leads to.";
      };
      macAge = mkOption {
        type = types.ints.between 1 65535;
        default = 300;
        example = 600;
        description = "Seconds of silence after which a MAC address is forgotten, with rules.";
      };
      macLimit = mkOption {
        type = types.ints.positive;
        default = 16384;
        example = 65536;
        description = "Most MAC addresses that are remembered, with rules.";
      };
    };

    priority = mkOption {
      type = types.enum (lib.genList (step: step * 4096) 16);
      default = 32768;
      example = 4096;
      description = "This bridge's priority in the spanning tree, a multiple of 4096 up to 61440; the lowest in the mesh is the root.";
    };

    timers = {
      hello = mkOption {
        type = types.nullOr (types.ints.between 1 10);
        default = null;
        example = 2;
        description = "Seconds between hellos, for STP alone; `null` leaves it to Open vSwitch.";
      };
      maxAge = mkOption {
        type = types.nullOr (types.ints.between 6 40);
        default = null;
        example = 6;
        description = "Seconds after which a bridge forgets what it heard; `null` leaves it to Open vSwitch.";
      };
      forwardDelay = mkOption {
        type = types.nullOr (types.ints.between 4 30);
        default = null;
        example = 4;
        description = "Seconds in listening and in learning; `null` leaves it to Open vSwitch.";
      };
      transmitHoldCount = mkOption {
        type = types.nullOr (types.ints.between 1 10);
        default = null;
        example = 10;
        description = "Frames that a port may send in a burst, for RSTP alone; `null` leaves it to Open vSwitch.";
      };
    };

    bfd = {
      enable = mkOption {
        type = types.bool;
        default = true;
        example = false;
        description = "Whether each link is watched by BFD (RFC 5880), by which RSTP notices a dead peer: a tunnel always has carrier.";
      };
      interval = mkOption {
        type = types.ints.positive;
        default = 100;
        example = 1000;
        description = "Milliseconds between BFD's packets.";
      };
      multiplier = mkOption {
        type = types.ints.between 1 255;
        default = 3;
        example = 5;
        description = "How many of BFD's packets may be missed before a link is down.";
      };
    };
  };

  config = lib.mkIf cfg.enable {
    systemd.services.meshimg-mesh = {
      description = "Open vSwitch mesh and Docker's bridge";
      wantedBy = [ "multi-user.target" ];
      wants = [
        "network-online.target"
        "ovs-vswitchd.service"
      ];
      after = [
        "network-online.target"
        "ovs-vswitchd.service"
      ];
      before = [ "docker.service" ];
      path = [
        config.virtualisation.vswitch.package
        pkgs.iproute2
        pkgs.util-linux
      ];
      # A new configuration is set right in place: containers keep their place on docker0.
      reloadIfChanged = true;
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = "${script} up ${configuration}";
        ExecStartPost = lib.mkIf hasRules "${rules} ${configuration}";
        ExecReload = [
          "${script} up ${configuration}"
        ]
        ++ lib.optional hasRules "${rules} ${configuration}";
        ExecStop = "${script} down ${configuration}";
        TimeoutStartSec = 240;
        TimeoutStopSec = 60;
      };
    };

    # It forgets the rules when it ends, also when it crashes or is upgraded.
    systemd.services.ovs-vswitchd = lib.mkIf hasRules {
      path = [ config.virtualisation.vswitch.package ];
      serviceConfig.ExecStartPost = "-${rules} ${configuration}";
    };

    networking.dhcpcd.denyInterfaces = ours ++ kernel;
    networking.networkmanager.unmanaged = map (name: "interface-name:${name}") (ours ++ kernel);

    assertions = [
      {
        assertion = mesh.mac != null && containers.mac != null;
        message = "services.meshimg.mesh.mac or services.meshimg.containers.mac is not set: give each bridge of each host a MAC address of its own.";
      }
      {
        assertion = mesh.links != { };
        message = "services.meshimg.mesh.links is empty: give this host a tunnel to each peer, or set services.meshimg.enable = false.";
      }
      {
        assertion = mesh.mtu + mesh.overhead <= underlay.mtu;
        message = "services.meshimg.mesh.mtu is ${toString mesh.mtu}, and with ${toString mesh.overhead} bytes for the tunnel that is above services.meshimg.underlay.mtu, ${toString underlay.mtu}: set it to ${
          toString (underlay.mtu - mesh.overhead)
        } on all hosts.";
      }
      {
        assertion = mesh.loopProtection != "none" || hasRules || lib.length (lib.attrNames mesh.links) < 2;
        message = "services.meshimg.mesh.loopProtection is none without services.meshimg.mesh.rules, and this host has ${toString (lib.length (lib.attrNames mesh.links))} links, which can close a loop: set it to rstp.";
      }
      {
        assertion =
          !hasRules
          || (
            mesh.rules.paths != [ ]
            && mesh.loopProtection == "none"
            && mesh.bfd.enable
            && lib.all (link: link.number != null) (lib.attrValues mesh.links)
          );
        message = "services.meshimg.mesh.rules need paths, BFD, a number for each link, and no spanning tree: set rules.paths, bfd.enable = true, loopProtection = \"none\" and links.NAME.number.";
      }
    ]
    ++ lib.concatLists (
      lib.mapAttrsToList (name: link: [
        {
          assertion =
            link.peer == null
            || (link.peer != cfg.host && (cfg.peers.${link.peer} or { }).address or "" != cfg.address);
          message = "services.meshimg.mesh.links.${name} leads from ${toString cfg.host} to itself: name another host as its peer.";
        }
        {
          assertion = link.peer != null && (link.peer == cfg.host || cfg.peers ? ${link.peer});
          message = "services.meshimg.mesh.links.${name}.peer is ${toString link.peer}, of which nothing is known: add it to services.meshimg.peers.";
        }
        {
          assertion = lib.stringLength name <= 15;
          message = "services.meshimg.mesh.links.${name}: an interface's name has at most 15 characters; shorten it at both ends.";
        }
        {
          assertion =
            !(lib.elem name [
              "gre0"
              "gretap0"
              "erspan0"
            ]);
          message = "services.meshimg.mesh.links.${name}: the kernel owns this name; number links from 1.";
        }
      ]) mesh.links
    );
  };
}

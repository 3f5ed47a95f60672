# docker0, Docker's settings, and their order: Docker would make a bridge of its own, outside the mesh, where docker0 is not there yet.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.meshimg;
  inherit (cfg) containers docker;
  meshimg = import ./lib.nix { inherit lib; };
  address = "${toString containers.address}/${toString containers.prefixLength}";
  isTcp = docker.api.kind != "none";

  # What the mesh decides, besides what would take containers off it.
  owned = [
    "bip"
    "bridge"
    "fixed-cidr"
    "hosts"
    "icc"
    "mtu"
  ];
  taken = lib.filter (key: docker.settings ? ${key}) owned;

  peers = lib.filterAttrs (_: peer: peer.slice != null) cfg.peers;
  slices =
    lib.optional (containers.slice != null) containers.slice
    ++ lib.mapAttrsToList (_: peer: peer.slice) peers;
  overlapping = lib.attrNames (
    lib.filterAttrs (
      _: peer: containers.slice != null && meshimg.overlap containers.slice peer.slice
    ) peers
  );

  # Bounded: systemd tries again, the boot goes on meanwhile.
  wait = pkgs.writeTextFile {
    name = "meshimg-wait-for-container-bridge";
    executable = true;
    text = ''
      #!/bin/sh
      tries=150
      until ip -4 -oneline address show dev ${containers.bridge} 2>/dev/null | grep -qF " ${address} "; do
          tries=$((tries - 1))
          if [ "$tries" -le 0 ]; then
              echo "<3>meshimg: ${containers.bridge} has not got ${address} within 30 s, and Docker must not make a bridge of its own:" \
                  "see systemctl status meshimg-mesh; then systemctl reload-or-restart meshimg-mesh docker" >&2
              exit 1
          fi
          sleep 0.2
      done
    '';
  };
in
{
  options.services.meshimg = {
    containers = {
      bridge = mkOption {
        type = meshimg.types.interface;
        default = "docker0";
        example = "containers0";
        description = "Docker's bridge, a Linux bridge that has `services.meshimg.mesh.bridge` as a port.";
      };

      mac = mkOption {
        type = types.nullOr meshimg.types.mac;
        default = null;
        example = "02:00:00:00:00:02";
        description = "The MAC address of Docker's bridge, different on every host. It must be set.";
      };

      address = mkOption {
        type = types.nullOr meshimg.types.ipv4;
        default = null;
        example = "172.17.42.1";
        description = "The address of Docker's bridge, in no host's slice. It must be set.";
      };

      prefixLength = mkOption {
        type = types.ints.between 8 30;
        default = 16;
        example = 20;
        description = "The length of the prefix of the container subnet, which is one for all hosts.";
      };

      slice = mkOption {
        type = types.nullOr meshimg.types.subnet;
        default = null;
        example = "172.17.64.0/18";
        description = "The part of the container subnet whose addresses this host's Docker hands out (`fixed-cidr`). It must be set.";
      };
    };

    docker = {
      settings = mkOption {
        type = types.attrsOf types.anything;
        default = { };
        example = {
          log-driver = "journald";
        };
        description = "Options of Docker's daemon.json besides those that the mesh decides.";
      };

      api = {
        kind = mkOption {
          type = types.enum [
            "none"
            "tls"
            "unsafe-without-tls"
          ];
          default = "none";
          example = "tls";
          description = "How Docker's API is to be had besides its unix socket: over TCP at the address of Docker's bridge, with mutual TLS or without. Without, whoever reaches the port is root on the host.";
        };

        port = mkOption {
          type = types.port;
          default = 2376;
          example = 2375;
          description = "The port of Docker's API.";
        };

        ca = mkOption {
          type = types.nullOr types.str;
          default = null;
          example = "/etc/docker/ca.pem";
          description = "A file on this host: the certificate of the authority whose clients may use the API. With `tls` it must be set.";
        };

        certificate = mkOption {
          type = types.nullOr types.str;
          default = null;
          example = "/etc/docker/server.pem";
          description = "A file on this host: Docker's certificate. With `tls` it must be set.";
        };

        key = mkOption {
          type = types.nullOr types.str;
          default = null;
          example = "/etc/docker/server-key.pem";
          description = "A file on this host, outside the Nix store: the key of Docker's certificate. With `tls` it must be set.";
        };
      };
    };
  };

  config = lib.mkIf cfg.enable {
    virtualisation.docker = {
      enable = lib.mkDefault true;
      daemon.settings = lib.mkMerge [
        (lib.mapAttrs (_: lib.mkOverride 900) (lib.removeAttrs docker.settings owned))
        {
          inherit (containers) bridge;
          fixed-cidr = containers.slice;
          mtu = cfg.mesh.mtu;
        }
        (lib.mkIf isTcp { hosts = [ "tcp://${toString containers.address}:${toString docker.api.port}" ]; })
        (lib.mkIf (docker.api.kind == "tls") {
          tlsverify = true;
          tlscacert = docker.api.ca;
          tlscert = docker.api.certificate;
          tlskey = docker.api.key;
        })
      ];
    };

    networking.firewall.interfaces.${containers.bridge}.allowedTCPPorts =
      lib.optional isTcp docker.api.port;

    # NixOS orders Docker behind network.target and its socket alone.
    systemd.services.docker = {
      wants = [ "meshimg-mesh.service" ];
      after = [ "meshimg-mesh.service" ];
      path = [
        pkgs.gnugrep
        pkgs.iproute2
      ];
      serviceConfig.ExecStartPre = [ "${wait}" ];
    };

    boot.kernel.sysctl = {
      # Docker's to switch on: only where it finds forwarding off does it close it to all but its own traffic first. NixOS switches it on
      # at boot, and whoever is on the underlay could reach containers.
      "net.ipv4.conf.all.forwarding" = lib.mkOverride 97 null;
      "net.ipv4.conf.default.forwarding" = lib.mkOverride 97 null;
      # Frames that only cross a bridge are no business of iptables. The keys exist once br_netfilter is loaded, which may be later.
      "-net.bridge.bridge-nf-call-iptables" = 0;
      "-net.bridge.bridge-nf-call-ip6tables" = 0;
      "-net.bridge.bridge-nf-call-arptables" = 0;
    };
    services.udev.extraRules = ''
      ACTION=="add", SUBSYSTEM=="module", KERNEL=="br_netfilter", RUN+="${config.systemd.package}/lib/systemd/systemd-sysctl --prefix=/net/bridge"
    '';

    assertions = [
      {
        assertion = config.virtualisation.docker.enable;
        message = "services.meshimg needs Docker, and virtualisation.docker.enable is false: remove that line, or set services.meshimg.enable = false.";
      }
      {
        assertion = containers.address != null && containers.slice != null;
        message = "services.meshimg.containers.address or services.meshimg.containers.slice is not set: give this host's part of the container subnet.";
      }
      {
        assertion = overlapping == [ ];
        message = "services.meshimg.containers.slice, ${toString containers.slice}, has addresses that ${lib.concatStringsSep " and " overlapping} hands out too: give each host a slice of its own.";
      }
      {
        assertion =
          containers.address == null || !(lib.any (slice: meshimg.contains slice containers.address) slices);
        message = "services.meshimg.containers.address, ${toString containers.address}, is in the slice of a host, whose Docker would hand it out: take one outside of all slices.";
      }
      {
        assertion = meshimg.unique (
          [ containers.address ] ++ lib.mapAttrsToList (_: peer: peer.containerAddress) cfg.peers
        );
        message = "services.meshimg: two hosts' Docker bridges have one address: give each of services.meshimg.containers.address and services.meshimg.peers.<name>.containerAddress its own.";
      }
      {
        assertion = taken == [ ];
        message = "services.meshimg.docker.settings has ${lib.concatStringsSep ", " taken}, which the mesh decides: remove it there.";
      }
      {
        assertion =
          docker.api.kind != "tls"
          || (docker.api.ca != null && docker.api.certificate != null && docker.api.key != null);
        message = "services.meshimg.docker.api.kind is tls: set ca, certificate and key too, to files on this host.";
      }
    ];
  };
}

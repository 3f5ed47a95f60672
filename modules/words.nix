# The mesh in the words of ovs-vsctl(8) and ovs-vswitchd.conf.db(5), from the values of services.meshimg.
{ lib, cfg }:
let
  inherit (cfg) mesh containers;
  meshimg = import ./lib.nix { inherit lib; };
  flag = value: if value then "true" else "false";
  isStp = mesh.loopProtection == "stp";
  hasRules = mesh.rules.number != null;
  optional = key: value: lib.optional (value != null) "other_config:${key}=${toString value}";

  # GRE over IPv6 is a type of its own.
  kind = remote: if mesh.tunnel == "gre" && meshimg.isIpv6 remote then "ip6gre" else mesh.tunnel;

  bfd =
    if mesh.bfd.enable then
      [
        "bfd:enable=true"
        "bfd:min_tx=${toString mesh.bfd.interval}"
        "bfd:min_rx=${toString mesh.bfd.interval}"
        "bfd:mult=${toString mesh.bfd.multiplier}"
      ]
    else
      [ "bfd:enable=false" ];

  # Words for `ovs-vsctl set bridge`.
  bridge = lib.concatStringsSep " " (
    [
      "rstp_enable=${flag (mesh.loopProtection == "rstp")}"
      "stp_enable=${flag isStp}"
      # An empty bridge without a controller still forwards as a switch; one that has rules waits for them.
      "fail_mode=${if hasRules then "secure" else "standalone"}"
      "other_config:hwaddr=${toString mesh.mac}"
    ]
    ++ lib.optionals (mesh.loopProtection == "rstp") (
      [ "other_config:rstp-priority=${toString mesh.priority}" ]
      ++ optional "rstp-max-age" mesh.timers.maxAge
      ++ optional "rstp-forward-delay" mesh.timers.forwardDelay
      ++ optional "rstp-transmit-hold-count" mesh.timers.transmitHoldCount
    )
    ++ lib.optionals isStp (
      [ "other_config:stp-priority=${toString mesh.priority}" ]
      # Milliseconds, unlike the other two.
      ++ optional "stp-hello-time" (if mesh.timers.hello == null then null else mesh.timers.hello * 1000)
      ++ optional "stp-max-age" mesh.timers.maxAge
      ++ optional "stp-forward-delay" mesh.timers.forwardDelay
    )
  );

  # A line for each tunnel: name, words for `ovs-vsctl set port`, --, words for `ovs-vsctl set interface`.
  tunnels = lib.concatStringsSep "\n" (
    lib.mapAttrsToList (
      name: link:
      let
        remote = (cfg.peers.${link.peer} or { address = null; }).address;
      in
      lib.concatStringsSep " " (
        [
          name
          (
            if hasRules then
              "external_ids:meshimg-peer=${toString link.peer}"
            else
              "other_config:${if isStp then "stp" else "rstp"}-path-cost=${toString mesh.pathCost}"
          )
          "--"
          "type=${kind remote}"
          "options:remote_ip=${toString remote}"
        ]
        # Rules set the key of each frame.
        ++ lib.optional hasRules "options:key=flow"
        ++ lib.optional (link.number != null) "ofport_request=${toString link.number}"
        ++ bfd
      )
    ) mesh.links
  );

  values = {
    MESH_BRIDGE = mesh.bridge;
    MESH_BRIDGE_SETTINGS = bridge;
    MESH_MTU = mesh.mtu;
    MESH_MAX_REVALIDATOR = mesh.maxRevalidator;
    MESH_TUNNELS = tunnels;
    CONTAINER_BRIDGE = containers.bridge;
    CONTAINER_ADDRESS = "${toString containers.address}/${toString containers.prefixLength}";
    CONTAINER_MAC = containers.mac;
    OPEN_VSWITCH_UNIT = "ovs-vswitchd.service";
  }
  // lib.optionalAttrs hasRules {
    MESH_NUMBER = mesh.rules.number;
    MESH_PATHS = lib.concatStringsSep "\n" mesh.rules.paths;
    MESH_MAC_AGE = mesh.rules.macAge;
    MESH_MAC_LIMIT = mesh.rules.macLimit;
  };
in
{
  inherit bridge tunnels;

  # What the script `mesh` reads: assignments of sh(1).
  configuration = lib.concatStrings (
    lib.mapAttrsToList (key: value: "${key}=${meshimg.word value}\n") values
  );
}

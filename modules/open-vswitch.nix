# Open vSwitch itself: nixpkgs' own, another package, or nixpkgs' recipe on another source.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.meshimg;
  inherit (cfg.openVSwitch) package source;
  given = [
    source.version
    source.url
    source.hash
  ];
  isBuilt = !(lib.elem null given);
in
{
  options.services.meshimg.openVSwitch = {
    package = mkOption {
      type = types.package;
      default = pkgs.openvswitch;
      defaultText = lib.literalExpression "pkgs.openvswitch";
      example = lib.literalExpression "pkgs.openvswitch-dpdk";
      description = "The package of Open vSwitch.";
    };

    source = {
      version = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "3.5.0";
        description = "The version of `services.meshimg.openVSwitch.source.url`. With version, url and hash Open vSwitch is built from that source, by the recipe of the package.";
      };

      url = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "https://www.openvswitch.org/releases/openvswitch-3.5.0.tar.gz";
        description = "Where the source is, a tar archive.";
      };

      hash = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        description = "The hash of the archive, as `nix hash file` prints it.";
      };
    };
  };

  config = lib.mkIf cfg.enable {
    virtualisation.vswitch = {
      enable = true;
      package =
        if isBuilt then
          package.overrideAttrs (previous: {
            inherit (source) version;
            # What nixpkgs patches is in another version's lines.
            patches = [ ];
            postPatch = (previous.postPatch or "") + ''
              sh ${./mend-open-vswitch} .
            '';
            src = pkgs.fetchurl { inherit (source) url hash; };
          })
        else
          package;
    };

    # A peer that hears no BFD message for as long as BFD's multiplier says takes the link for dead. A nice value would count only within
    # the unit's own control group.
    systemd.services.ovs-vswitchd.serviceConfig = {
      CPUSchedulingPolicy = "rr";
      CPUSchedulingPriority = 1;
    };

    assertions = [
      {
        assertion = isBuilt || lib.all (value: value == null) given;
        message = "services.meshimg.openVSwitch.source is not whole: set version, url and hash, or none of them.";
      }
    ];
  };
}

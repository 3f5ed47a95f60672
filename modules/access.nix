# Who may log in.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.services.meshimg;
  inherit (cfg) access;
  isRoot = access.user == "root";
in
{
  options.services.meshimg.access = {
    user = mkOption {
      type = types.str;
      default = "root";
      example = "admin";
      description = "The user who may log in; one that is not root may use sudo without a password.";
    };

    authorizedKeys = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA operator@example"
      ];
      description = "The keys of that user, lines of authorized_keys. With keys, sshd runs.";
    };
  };

  config = lib.mkIf (cfg.enable && access.authorizedKeys != [ ]) {
    services.openssh.enable = lib.mkDefault true;
    users.users.${access.user} = {
      openssh.authorizedKeys.keys = access.authorizedKeys;
    }
    // lib.optionalAttrs (!isRoot) { isNormalUser = true; };
    security.sudo.extraRules = lib.optional (!isRoot) {
      users = [ access.user ];
      commands = [
        {
          command = "ALL";
          options = [ "NOPASSWD" ];
        }
      ];
    };
  };
}

# host2 of cluster three-hosts. Written by meshimg.
{
  services.meshimg = {
    enable = true;
    cluster = "three-hosts";
    host = "host2";
    address = "192.0.2.2";
    underlay.mtu = 1500;
    mesh = {
      bfd = {
        enable = true;
        interval = 100;
        multiplier = 3;
      };
      bridge = "br0";
      links = {
        gre1.peer = "host1";
        gre3.peer = "host3";
      };
      loopProtection = "rstp";
      mac = "e2:84:d2:e7:5a:34";
      maxRevalidator = 200;
      mtu = 1462;
      overhead = 38;
      pathCost = 20000;
      priority = 8192;
      timers = {
        forwardDelay = 4;
        maxAge = 6;
        transmitHoldCount = 10;
      };
      tunnel = "gre";
    };
    containers = {
      address = "172.17.42.2";
      bridge = "docker0";
      mac = "82:ab:24:86:dd:10";
      prefixLength = 16;
      slice = "172.17.128.0/18";
    };
    docker = {
      api.kind = "none";
      settings = { };
    };
    access = {
      authorizedKeys = [ ];
      user = "root";
    };
    peers = {
      host1 = {
        address = "192.0.2.1";
        containerAddress = "172.17.42.1";
        slice = "172.17.64.0/18";
      };
      host3 = {
        address = "192.0.2.3";
        containerAddress = "172.17.42.3";
        slice = "172.17.192.0/18";
      };
    };
  };
}

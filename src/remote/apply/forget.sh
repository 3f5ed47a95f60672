# Docker notes which bridge it has made or was given, and comes back to that, its address included, whatever its options say, until it has run
# once without one (dockerd(8), `bridge: none`). Then it has also removed its docker0. Ends with Docker stopped; its containers end, also with
# live-restore.
forget_bridge() {
  mkdir -p /etc/docker
  cp "$folder/without-bridge.json" /etc/docker/daemon.json.meshimg-new
  mv -f /etc/docker/daemon.json.meshimg-new /etc/docker/daemon.json
  # Three starts in a minute are too many for its unit.
  systemctl reset-failed docker.service 2>/dev/null || true
  systemctl restart docker.service
  systemctl stop docker.socket docker.service
}

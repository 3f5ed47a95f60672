# What is left to do when a change is confirmed; again after a power cut in the middle of it, so each step must bear to be done twice.
finish() {
  confirmed=/var/lib/meshimg/confirmed
  systemctl stop meshimg-undo.timer || true
  if [ -e "$confirmed/settings" ]; then
    . "$confirmed/settings"
    case "${operation-}" in
    apply)
      # What the first change has replaced is kept for the day when the mesh is taken off.
      if [ "$new_host" = true ] && [ ! -e /var/lib/meshimg/before ]; then
        mkdir -p "$confirmed/before"
        # For root alone, as they were.
        chmod 700 "$confirmed/before"
        cp "$confirmed/max-revalidator" "$confirmed/before"
        : >"$confirmed/before/kept"
        while read -r path; do
          [ -e "$confirmed/old$path" ] || continue
          mkdir -p "$confirmed/before/files${path%/*}"
          cp -p "$confirmed/old$path" "$confirmed/before/files$path"
          echo "$path" >>"$confirmed/before/kept"
        done <"$confirmed/foreign"
        sync
        mv "$confirmed/before" /var/lib/meshimg/before
      fi
      ;;
    wipe)
      for path in /var/lib/meshimg/*; do
        case "$path" in
        */done | */confirmed) ;;
        *) rm -rf "$path" ;;
        esac
      done
      # Without this mark a host's user-data would bring the mesh back at the next boot.
      if ! grep -qs /var/lib/meshimg/done /var/lib/cloud/instance/user-data.txt /var/lib/cloud/instance/cloud-config.txt; then
        rm -f /var/lib/meshimg/done
      fi
      ;;
    esac
  fi
  rm -f /etc/systemd/system/meshimg-undo.service /etc/systemd/system/multi-user.target.wants/meshimg-undo.service \
    /run/systemd/system/meshimg-undo.timer /run/systemd/system/meshimg-apply.service
  systemctl daemon-reload
  rm -rf "$confirmed"
  rmdir /var/lib/meshimg 2>/dev/null || true
}

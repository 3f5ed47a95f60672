# What `meshimg apply` and its like say over a new connection when all is well; follows finish.sh: what was is not needed any more.
if ! { [ -e /var/lib/meshimg/apply/done ] && mv /var/lib/meshimg/apply /var/lib/meshimg/confirmed; }; then
  echo 'the host has its old state back already, or will have it' >&2
  exit 1
fi
finish

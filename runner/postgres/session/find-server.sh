# Looks for servers in the container. Prints a server that this user may look at as lines of "word value", and the ids of
# users whose servers it may not look at; and the programs that the container lacks. The working directory of a server is its
# data directory, where the file postmaster.pid begins with the id of its process. Processes that have another root belong to
# other containers, where containers share their process ids.
#
# Arguments: programs.
#
# Every shell of an image that has PostgreSQL knows -ef.
# shellcheck disable=SC3013

first() {
  line=
  IFS= read -r line <"$1" || [ -n "$line" ]
} 2>/dev/null

words() {
  tr '\000\n' '  ' <"$1/cmdline"
  echo
}

echo "port ${PGPORT:-}"
for program; do
  command -v "$program" >/dev/null || echo "lacks $program"
done
for process in /proc/[0-9]*; do
  if [ "$process/root" -ef / ]; then
    if first "$process/cwd/postmaster.pid" && [ "$line" = "${process#/proc/}" ]; then
      echo server
      while IFS= read -r line; do printf 'file %s\n' "$line"; done <"$process/cwd/postmaster.pid"
      first "$process/cwd/PG_VERSION" && printf 'version %s\n' "$line"
      printf 'command %s\n' "$(words "$process")"
    fi
  elif first "$process/comm"; then
    case $line in *postgres* | *postmaster*) ;; *) continue ;; esac
    while read -r key id _; do
      case $key in
        Uid:) uid=$id ;;
        Gid:) echo "user $uid:$id" ;;
      esac
    done <"$process/status"
  fi
done 2>/dev/null
for process in /proc/[0-9]*; do
  if [ "$process/root" -ef / ] && first "$process/comm"; then
    case $line in *sh | *entrypoi*) printf 'shell %s\n' "$(words "$process")" ;; esac
  fi
done 2>/dev/null
:

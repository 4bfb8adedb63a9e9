# Ties a process to the standard input of its client. The docker daemon does not end an exec'd process when its client
# dies, but it does close the input of the process: the watcher reads that input to its end and then interrupts the
# process, which makes it cancel its queries. It does so again until the process has ended, because a background job of a
# shell ignores the signal until the process has set its handler. Such a job also gets /dev/null as its input, so the
# input is kept as descriptor 3. The umask keeps what the process writes from all users but its own.
#
# The input can begin with some bytes for the process. They become a file, because several processes can read a file from
# its beginning. It loses its name before the process starts, so that nothing is left of it however the process ends.
#
# The shell waits for both of its children. An orphan would become a child of the container's first process. If that is
# the server, it takes an unknown child that dies by a signal for one of its own that crashed, and restarts.
#
# Arguments: the mark that follows the output of a process that succeeded, the number of bytes, and the command. The exit
# code is 73 if no folder can be written.
umask 077
mark=$1 bytes=$2
shift 2
exec 3<&0
input=/dev/null
if [ "$bytes" != 0 ]; then
  for folder in /tmp /var/tmp /dev/shm /run; do
    file=$(mktemp "$folder/postgis_backup.XXXXXX" 2>/dev/null) && break
  done
  [ -n "$file" ] || exit 73
  exec 4<>"$file"
  rm "$file"
  head -c "$bytes" <&3 >&4 || exit
  input=/dev/fd/4
fi
"$@" <"$input" &
process=$!
{
  while read -r _ <&3; do :; done
  trap exit TERM
  while kill -s INT "$process" && sleep 1; do :; done
} >/dev/null 2>&1 &
watcher=$!
wait "$process"
status=$?
kill "$watcher" 2>/dev/null
wait "$watcher" 2>/dev/null
[ "$status" != 0 ] || {
  printf %s "$mark"
  read -r _ <&3
}
exit "$status"

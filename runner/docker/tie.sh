# Ties a process to the standard input of its client. The docker daemon does not end an exec'd process when its client
# dies, but it does close the input of the process: the watcher reads that input to its end and then interrupts the
# process, which makes it cancel its queries. A background job of a shell gets /dev/null as its input, so the input is
# kept as descriptor 3. The umask keeps what the process writes from all users but its own.
#
# The shell waits for both of its children. An orphan would become a child of the container's first process. If that is
# the server, it takes an unknown child that dies by a signal for one of its own that crashed, and restarts.
#
# Arguments: the mark that follows the output of a process that succeeded, and the command.
umask 077
mark=$1
shift
exec 3<&0
"$@" </dev/null &
process=$!
{
  while read -r _ <&3; do :; done
  kill -s INT "$process"
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

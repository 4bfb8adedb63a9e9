# Runs a command and ends it when the input of this script closes, as the docker daemon does when its client ends. The
# shell waits for both of its children: an orphan would become a child of the container's first process, and the server
# restarts where such a child dies by a signal. So only the command itself is ended, not what it has started.
#
# Arguments: the command.
exec 3<&0
"$@" </dev/null &
process=$!
{
  while read -r _ <&3; do :; done
  kill -s TERM "$process"
  sleep 5
  kill -s KILL "$process"
} >/dev/null 2>&1 &
watcher=$!
wait "$process"
status=$?
kill "$watcher" 2>/dev/null
wait "$watcher" 2>/dev/null
exit "$status"

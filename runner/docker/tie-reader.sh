# Ties a process that reads commands to the standard input of its client. A cat feeds it. When the cat ends, the process
# reads the end of its input, and is interrupted until it ends, so that a statement that is still waiting is cancelled: an
# interrupt between two statements cancels neither. When the process ends first, USR1 ends the cat, for which the shell
# would wait, and TERM says that it has.
#
# The two sides know each other only by their process group, and a signal can come before its receiver is ready for it. So
# the shells ignore the signals from the start, and each side repeats its own until the other side has ended.
#
# Arguments: the command.
trap "" INT USR1 TERM
{
  trap 'kill -s TERM 0; exit' USR1
  cat
  exec >&-
  while kill -s INT 0; do sleep 1; done
} 2>/dev/null | {
  (
    trap - INT USR1 TERM
    exec "$@"
  )
  status=$?
  exec 2>/dev/null
  trap 'exit "$status"' TERM
  while kill -s USR1 0; do sleep 1; done
}

# Ties a process that reads commands to the standard input of its client. A cat feeds it. When the cat ends, the process
# reads the end of its input, and the whole process group is interrupted until the process ends, so that a statement that is
# still waiting is cancelled: an interrupt between two statements cancels neither. When the process ends first, USR1 ends
# the cat, for which the shell would wait. Each shell traps the signals, and so lives to wait for its children.
#
# Arguments: the command.
trap : INT USR1
{
  trap : INT
  trap exit USR1
  cat
  exec >&-
  while kill -s INT 0 && sleep 1; do :; done
} | {
  trap : INT USR1
  "$@"
  status=$?
  kill -s USR1 0
  exit "$status"
}

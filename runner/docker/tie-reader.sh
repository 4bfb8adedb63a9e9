# Ties a process that reads commands to the standard input of its client. A cat feeds it. When the cat ends, it interrupts
# the whole process group, so that a statement that is still waiting is cancelled. When the process ends first, it
# interrupts the group too, because the shell would wait for the cat. Each shell traps the signal, and so lives to wait
# for its children.
#
# Arguments: the command.
trap : INT
{
  trap : INT
  cat
  kill -s INT 0
} | {
  trap : INT
  "$@"
  status=$?
  kill -s INT 0
  exit "$status"
}

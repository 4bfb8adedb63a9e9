# The first process of a throwaway container. When its client ends, for whatever reason, the daemon closes the input of
# this process. It exits then, the kernel ends all other processes of the container, and the daemon removes the container
# and its volumes. It traps signals because the first process of a container ignores those that it does not trap.
#
# Arguments: the command, whose output is the log.
trap 'exit 143' TERM INT HUP
exec 3<&0
echo started
"$@" </dev/null >&2 3<&- &
process=$!
{
  while read -r _ <&3; do :; done
  kill -s TERM 1
} &
wait "$process"

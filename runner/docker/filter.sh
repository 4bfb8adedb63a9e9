# Runs a command that reads so many bytes and writes an output. The input itself stays open until the client has the whole
# output. The shell waits for both of its children.
#
# Arguments: the mark that follows the output of a command that succeeded, the number of bytes, and the command.
mark=$1 bytes=$2
shift 2
exec 3<&0
head -c "$bytes" <&3 | "$@" 3<&-
status=$?
[ "$status" != 0 ] || {
  printf %s "$mark"
  cat <&3 >/dev/null
}
exit "$status"

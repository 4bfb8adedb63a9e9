# Prints the script that some entries of an archive make. Nothing is written in the container: the archive comes on standard
# input, and the list of entries goes through a pipe.
#
# Arguments: the numbers of the entries.
exec 3<&0
printf '%s\n' "$@" | {
  exec 4<&0
  pg_restore --use-list=/dev/fd/4 --file=- <&3
}

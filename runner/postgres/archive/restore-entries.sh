# Prints the script that some entries of an archive make. Nothing is written in the container: the numbers of the entries are
# the first line of the standard input, and the archive is the rest. The list of entries goes through a pipe.
read -r entries
exec 3<&0
# shellcheck disable=SC2086
printf '%s\n' $entries | {
  exec 4<&0
  pg_restore --use-list=/dev/fd/4 --file=- <&3
}

# Writes its input into a file that its user alone can read. Arguments: the file.
umask 077
mkdir -p "${1%/*}" && cat >"$1"

# Runs a command that fails when one of its files grows beyond so many blocks of 512 bytes: by an error, not by a signal.
#
# Arguments: the number of blocks, and the command.
ulimit -f "$1"
trap '' XFSZ
shift
exec "$@"

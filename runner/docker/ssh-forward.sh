# Runs ssh, and removes the folder of its socket when it has ended. ssh ends when the program at the other end of its input does, also
# where that is killed and can remove nothing.
#
# Arguments: the folder; ssh and its arguments.
folder=$1
shift
"$@"
status=$?
rm -rf -- "$folder"
exit "$status"

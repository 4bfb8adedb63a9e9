# Prints what is wrong with the settings of a server, each by itself, so that all errors are found. Arguments: the folder of
# the data, and the settings as NAME=VALUE.
data=$1
shift
status=0
for setting; do
  { postgres -D "$data" -C "${setting%%=*}" -c "$setting" >/dev/null; } 2>&1 | grep -E 'FATAL|ERROR|DETAIL|HINT' && status=1
done
exit $status

# Starts a server and waits until it is ready. The server writes its log to standard error. Arguments: the folder of the data,
# and options of the server.
data=$1
shift
if grep -qs 'HugePages_Total: *[1-9]' /proc/meminfo; then set -- "$@" -c huge_pages=try; fi
{
  postgres -D "$data" "$@" -c logging_collector=off >&2
  echo $? >/tmp/postgis-backup-ended
} &
n=0
while [ $n -lt 600 ]; do
  case $(sed -n 8p "$data/postmaster.pid" 2>/dev/null) in ready*) exit 0 ;; esac
  if [ -e /tmp/postgis-backup-ended ]; then exit 1; fi
  sleep 0.1
  n=$((n + 1))
done
echo "the server is not ready after 60 s" >&2
exit 1
